// A small server, linked statically: its threads are the runtime's, none is made by pthread_create.
package main

import (
	"io"
	"net"
	"os"
	"runtime"
)

// serve keeps a thread for each connection, as a goroutine in a system call does.
func serve(connection net.Conn) {
	runtime.LockOSThread()
	io.WriteString(connection, "hello\n")
	io.Copy(io.Discard, connection)
	connection.Close()
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("ready " + listener.Addr().String() + "\n")
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(connection)
	}
}
