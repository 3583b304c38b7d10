/*
 * One way and round trips between two pinned threads: through a channel of nodewise.h, and through peers' queues.
 *
 *   bench-channel nodewise|boost|moodycamel|pipe CPU CPU     prints lines "LOAD NS", nanoseconds a message
 *
 * Loads: one8, one64: messages of that size, copied in and out. big: 4 KiB that the sender fills and the receiver reads, in
 * place where the queue can. spin: a round trip of 8 bytes, both looking on. sleep: the same, where the other side
 * has been asleep in the kernel for a while; what they do in between is not counted.
 */
#include <nodewise.h>
#include <pthread.h>
#include <readerwriterqueue/readerwriterqueue.h>
#include <sched.h>
#include <unistd.h>

#include <boost/lockfree/spsc_queue.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

enum { ROOM = 1024, BIG_ROOM = 64 };

template <size_t SIZE> struct message {
    unsigned char bytes[SIZE];
};

static int cpus[2];

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    std::fprintf(stderr, "bench-channel: %s\n", what);
    std::exit(1);
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    check(sched_setaffinity(0, sizeof(set), &set) == 0, "a thread cannot be pinned");
}

/* Both on one CPU, who looks on keeps the other from going on. */
static void look_on()
{
    if (cpus[0] == cpus[1])
        sched_yield();
    else
        __builtin_ia32_pause();
}

/* --- queues: put() and get() look on; fill() and read() do 4 KiB --- */

static void fill(unsigned char *bytes, size_t size, unsigned number)
{
    std::memset(bytes, static_cast<int>(number & 0xff), size);
}

static unsigned sum(const unsigned char *bytes, size_t size)
{
    uint64_t total = 0, word;
    for (size_t i = 0; i < size; i += sizeof(word)) {
        std::memcpy(&word, bytes + i, sizeof(word));
        total += word;
    }
    return static_cast<unsigned>(total);
}

template <size_t SIZE> struct boost_queue {
    boost::lockfree::spsc_queue<message<SIZE>> queue{SIZE > 1024 ? BIG_ROOM : ROOM};
    void put(const message<SIZE> &m)
    {
        while (!queue.push(m))
            look_on();
    }
    void get(message<SIZE> &m)
    {
        while (!queue.pop(m))
            look_on();
    }
};

template <size_t SIZE> struct moodycamel_queue {
    moodycamel::ReaderWriterQueue<message<SIZE>> queue{SIZE > 1024 ? BIG_ROOM : ROOM};
    void put(const message<SIZE> &m)
    {
        while (!queue.try_enqueue(m))
            look_on();
    }
    void get(message<SIZE> &m)
    {
        while (!queue.try_dequeue(m))
            look_on();
    }
};

template <template <size_t> class QUEUE, size_t SIZE> struct pair_of {
    QUEUE<SIZE> there, back;
    void join(unsigned)
    {
    }
    void put(unsigned self, const message<SIZE> &m)
    {
        (self ? back : there).put(m);
    }
    void get(unsigned self, message<SIZE> &m)
    {
        (self ? there : back).get(m);
    }
    void fill_next(unsigned self, unsigned number)
    {
        message<SIZE> m;
        fill(m.bytes, SIZE, number);
        put(self, m);
    }
    unsigned read_next(unsigned self)
    {
        message<SIZE> m;
        get(self, m);
        return sum(m.bytes, SIZE);
    }
    void leave(unsigned)
    {
    }
};

template <size_t SIZE> struct nodewise_pair {
    nw_exchange *exchange = nullptr;
    nw_worker *worker[2] = {};
    nw_channel *channel[2] = {};
    nodewise_pair()
    {
        nw_exchange_options options{};
        options.size = sizeof(options);
        options.peers = 2;
        check(nw_exchange_open(&options, &exchange) == 0, "nw_exchange_open");
    }
    ~nodewise_pair()
    {
        nw_exchange_close(exchange);
    }
    void join(unsigned self)
    {
        check(nw_exchange_join(exchange, static_cast<int>(self), &worker[self]) == 0, "nw_exchange_join");
        check(nw_channel_open(worker[self], 1, SIZE, SIZE > 1024 ? BIG_ROOM : ROOM, &channel[self]) == 0,
              "nw_channel_open");
        while (nw_worker_peer(worker[self], 1 - self) != NW_PEER_JOINED)
            sched_yield();
    }
    void put(unsigned self, const message<SIZE> &m)
    {
        while (nw_send(channel[self], 1 - self, &m, SIZE) == -EAGAIN)
            look_on();
    }
    const void *next(unsigned self)
    {
        const void *data;
        unsigned from;
        uint32_t length;
        while (nw_receive(channel[self], &from, &data, &length) != 0)
            look_on();
        return data;
    }
    void get(unsigned self, message<SIZE> &m)
    {
        std::memcpy(&m, next(self), SIZE);
        nw_receive_end(channel[self]);
    }
    void get_asleep(unsigned self, message<SIZE> &m)
    {
        const void *data;
        unsigned from;
        uint32_t length;
        while (nw_receive(channel[self], &from, &data, &length) != 0)
            nw_wait(worker[self], -1);
        std::memcpy(&m, data, SIZE);
        nw_receive_end(channel[self]);
    }
    void fill_next(unsigned self, unsigned number)
    {
        void *at;
        while (nw_send_begin(channel[self], 1 - self, SIZE, &at) != 0)
            look_on();
        fill(static_cast<unsigned char *>(at), SIZE, number);
        nw_send_end(channel[self], 1 - self, true);
    }
    unsigned read_next(unsigned self)
    {
        unsigned total = sum(static_cast<const unsigned char *>(next(self)), SIZE);
        nw_receive_end(channel[self]);
        return total;
    }
    void leave(unsigned self)
    {
        nw_worker_leave(worker[self]);
    }
};

/* --- loads --- */

template <class PAIR, class FIRST, class SECOND>
static void run(const char *load, unsigned count, FIRST first, SECOND second, double without = 0)
{
    PAIR pair;
    double ns = 0;
    std::thread other([&] {
        pin(cpus[1]);
        pair.join(1);
        second(pair);
        pair.leave(1);
    });
    pin(cpus[0]);
    pair.join(0);
    auto began = std::chrono::steady_clock::now();
    first(pair);
    other.join();
    ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count();
    pair.leave(0);
    std::printf("%s %.1f\n", load, ns / count - without);
}

template <class PAIR, size_t SIZE> static void one_way(const char *load, unsigned count)
{
    run<PAIR>(
        load, count,
        [=](PAIR &pair) {
            message<SIZE> m{};
            for (unsigned i = 0; i < count; i++) {
                std::memcpy(m.bytes, &i, sizeof(i));
                pair.put(0, m);
            }
        },
        [=](PAIR &pair) {
            message<SIZE> m;
            for (unsigned i = 0, got; i < count; i++) {
                pair.get(1, m);
                std::memcpy(&got, m.bytes, sizeof(got));
                check(got == i, "a message is lost");
            }
        });
}

template <class PAIR> static void big(unsigned count)
{
    run<PAIR>(
        "big", count,
        [=](PAIR &pair) {
            for (unsigned i = 0; i < count; i++)
                pair.fill_next(0, i);
        },
        [=](PAIR &pair) {
            unsigned total = 0;
            for (unsigned i = 0; i < count; i++)
                total += pair.read_next(1);
            check(total != 1, "impossible");
        });
}

template <class PAIR> static void round_trip(unsigned count)
{
    run<PAIR>(
        "spin", count,
        [=](PAIR &pair) {
            message<8> m{};
            for (unsigned i = 0; i < count; i++) {
                pair.put(0, m);
                pair.get(0, m);
            }
        },
        [=](PAIR &pair) {
            message<8> m;
            for (unsigned i = 0; i < count; i++) {
                pair.get(1, m);
                pair.put(1, m);
            }
        });
}

struct pipes {
    int fd[2][2];
    pipes()
    {
        check(pipe(fd[0]) == 0 && pipe(fd[1]) == 0, "pipe");
    }
    ~pipes()
    {
        for (auto &each : fd)
            for (int end : each)
                close(end);
    }
    void join(unsigned)
    {
    }
    void put(unsigned self, const message<8> &m)
    {
        check(write(fd[self][1], &m, sizeof(m)) == sizeof(m), "write");
    }
    void get_asleep(unsigned self, message<8> &m)
    {
        check(read(fd[1 - self][0], &m, sizeof(m)) == sizeof(m), "read");
    }
    void leave(unsigned)
    {
    }
};

/* Longer than a wait looks on before it sleeps. */
enum { LINGER_NS = 100000 };

static void linger()
{
    auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(LINGER_NS);
    while (std::chrono::steady_clock::now() < until)
        ;
}

template <class PAIR> static void round_trip_asleep(unsigned count)
{
    run<PAIR>(
        "sleep", count,
        [=](PAIR &pair) {
            message<8> m{};
            for (unsigned i = 0; i < count; i++) {
                linger();
                pair.put(0, m);
                pair.get_asleep(0, m);
            }
        },
        [=](PAIR &pair) {
            message<8> m;
            for (unsigned i = 0; i < count; i++) {
                pair.get_asleep(1, m);
                linger();
                pair.put(1, m);
            }
        },
        2.0 * LINGER_NS);
}

enum { ONE_WAY = 10000000, BIG = 500000, ROUND = 500000, ASLEEP = 5000 };

template <template <size_t> class QUEUE> static void peer()
{
    one_way<pair_of<QUEUE, 8>, 8>("one8", ONE_WAY);
    one_way<pair_of<QUEUE, 64>, 64>("one64", ONE_WAY);
    big<pair_of<QUEUE, 4096>>(BIG);
    round_trip<pair_of<QUEUE, 8>>(ROUND);
}

int main(int argc, char **argv)
{
    check(argc == 4, "nodewise|boost|moodycamel|pipe CPU CPU");
    cpus[0] = std::atoi(argv[2]);
    cpus[1] = std::atoi(argv[3]);
    const std::string name = argv[1];
    if (name == "nodewise") {
        one_way<nodewise_pair<8>, 8>("one8", ONE_WAY);
        one_way<nodewise_pair<64>, 64>("one64", ONE_WAY);
        big<nodewise_pair<4096>>(BIG);
        round_trip<nodewise_pair<8>>(ROUND);
        round_trip_asleep<nodewise_pair<8>>(ASLEEP);
    } else if (name == "boost") {
        peer<boost_queue>();
    } else if (name == "moodycamel") {
        peer<moodycamel_queue>();
    } else if (name == "pipe") {
        round_trip_asleep<pipes>(ASLEEP);
    } else {
        check(false, "nodewise|boost|moodycamel|pipe CPU CPU");
    }
    return 0;
}
