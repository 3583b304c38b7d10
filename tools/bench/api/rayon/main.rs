// The loads of tasks.h with rayon.
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::io::Read;
use std::ptr::{read_volatile, write_volatile};
use std::time::{Duration, Instant};

const EMPTY: usize = 200_000;
const FIB: u64 = 30;
const FIB_RESULT: u64 = 832_040;
const LOOPS: usize = 2_000;
const ROUNDS: usize = 20_000;
const REPEATS: usize = 5;
const SLEEPS: usize = 301;
const SLEEP_US: u64 = 2_000;

/// The same loads and stores as those of C's volatile counter.
fn work_10us() {
    let mut i = 0u32;
    unsafe {
        while read_volatile(&i) < 8000 {
            let next = read_volatile(&i) + 1;
            write_volatile(&mut i, next);
        }
    }
}

fn empty() {
    rayon::in_place_scope(|scope| {
        for _ in 0..EMPTY {
            scope.spawn(|_| {});
        }
    });
}

fn run_fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (left, right) = rayon::join(|| run_fib(n - 1), || run_fib(n - 2));
    left + right
}

fn fib() {
    assert_eq!(run_fib(FIB), FIB_RESULT);
}

fn loops() {
    for _ in 0..LOOPS {
        (0..2usize).into_par_iter().with_max_len(1).for_each(|_| work_10us());
    }
}

/// A task of the pool's own threads, as all calls from outside are.
fn once() {
    rayon::scope(|_| {});
}

fn rounds() {
    for _ in 0..ROUNDS {
        once();
    }
}

fn is_asked(name: &str) -> bool {
    let words: Vec<String> = std::env::args().skip(1).collect();
    words.is_empty() || words.iter().any(|word| word == name)
}

fn measure(name: &str, run: fn(), operations: usize) {
    if !is_asked(name) {
        return;
    }
    run();
    let least = (0..REPEATS)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed().as_nanos() as f64 / operations as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("{} {:.1}", name, least);
}

fn measure_asleep(run: fn()) {
    if !is_asked("asleep") {
        return;
    }
    let mut took: Vec<u128> = (0..SLEEPS)
        .map(|_| {
            std::thread::sleep(Duration::from_micros(SLEEP_US));
            let begin = Instant::now();
            run();
            begin.elapsed().as_nanos()
        })
        .collect();
    took.sort_unstable();
    println!("asleep {:.1}", took[SLEEPS / 2] as f64);
}

fn main() {
    measure("empty", empty, EMPTY);
    measure("fib", fib, 1);
    measure("for", loops, LOOPS);
    measure("round", rounds, ROUNDS);
    measure_asleep(once);
    if std::env::args().any(|word| word == "idle") {
        println!("idle");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }
}
