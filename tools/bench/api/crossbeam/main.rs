// The load of exchange.h, with the standard library's channels and crossbeam's without and with a bound. Prints "NAME NS",
// nanoseconds a message.
use std::thread;
use std::time::Instant;

const WORKERS: usize = 8;
const MESSAGES: u64 = 64 * 2000;
const BATCH: u64 = 64;
const ROOM: usize = 1024;
const ALL: u64 = WORKERS as u64 * MESSAGES;

/// A worker's end at which messages come, and those at which it sends.
trait Ends: Send + 'static {
    fn try_send(&self, to: usize, word: u64) -> bool;
    fn try_receive(&self) -> Option<u64>;
    fn receive(&self) -> u64;
}

struct Standard(std::sync::mpsc::Receiver<u64>, Vec<std::sync::mpsc::Sender<u64>>);

impl Ends for Standard {
    fn try_send(&self, to: usize, word: u64) -> bool {
        self.1[to].send(word).is_ok()
    }
    fn try_receive(&self) -> Option<u64> {
        self.0.try_recv().ok()
    }
    fn receive(&self) -> u64 {
        self.0.recv().unwrap()
    }
}

struct Crossbeam(crossbeam_channel::Receiver<u64>, Vec<crossbeam_channel::Sender<u64>>);

impl Ends for Crossbeam {
    fn try_send(&self, to: usize, word: u64) -> bool {
        self.1[to].try_send(word).is_ok()
    }
    fn try_receive(&self) -> Option<u64> {
        self.0.try_recv().ok()
    }
    fn receive(&self) -> u64 {
        self.0.recv().unwrap()
    }
}

fn work(ends: impl Ends) {
    let (mut received, mut sum, mut first) = (0u64, 0u64, 0u64);
    while first < MESSAGES {
        for to in 0..WORKERS {
            for word in first..first + BATCH {
                while !ends.try_send(to, word) {
                    match ends.try_receive() {
                        Some(word) => {
                            received += 1;
                            sum += word;
                        }
                        None => thread::yield_now(),
                    }
                }
            }
        }
        first += BATCH;
        while let Some(word) = ends.try_receive() {
            received += 1;
            sum += word;
        }
    }
    while received < ALL {
        sum += ends.receive();
        received += 1;
    }
    assert_eq!(sum, ALL / 2 * (MESSAGES - 1));
}

fn measure<E: Ends>(name: &str, make: impl Fn() -> Vec<E>) {
    let begin = Instant::now();
    let threads: Vec<_> = make().into_iter().map(|ends| thread::spawn(move || work(ends))).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    println!("{} {:.1}", name, begin.elapsed().as_nanos() as f64 / (ALL as usize * WORKERS) as f64);
}

fn crossbeam(pairs: Vec<(crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>)>) -> Vec<Crossbeam> {
    let (senders, receivers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    receivers.into_iter().map(|receiver| Crossbeam(receiver, senders.clone())).collect()
}

fn main() {
    measure("mpsc", || {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| std::sync::mpsc::channel()).unzip();
        receivers.into_iter().map(|receiver| Standard(receiver, senders.clone())).collect()
    });
    measure("crossbeam", || crossbeam((0..WORKERS).map(|_| crossbeam_channel::unbounded()).collect()));
    measure("bounded", || crossbeam((0..WORKERS).map(|_| crossbeam_channel::bounded(ROOM * WORKERS)).collect()));
}
