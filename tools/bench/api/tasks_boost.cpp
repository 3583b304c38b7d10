// The loads of tasks.h with Boost.Asio's thread_pool (libboost-dev), but for fib: a task of it that waits for another one
// keeps its thread, so the pool would stand still.
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>

#include "tools/bench/api/tasks.h"

static boost::asio::thread_pool pool(std::thread::hardware_concurrency());
static std::atomic<int> left;

// It has no wait for some tasks: the caller looks, which is the soonest that it can learn of it.
static void wait_for_all()
{
    while (left.load(std::memory_order_acquire) > 0)
        std::this_thread::yield();
}

static void end_one()
{
    left.fetch_sub(1, std::memory_order_release);
}

static void empty()
{
    left.store(EMPTY, std::memory_order_relaxed);
    for (int i = 0; i < EMPTY; i++)
        boost::asio::post(pool, end_one);
    wait_for_all();
}

static void loops()
{
    for (int i = 0; i < LOOPS; i++) {
        left.store(1, std::memory_order_relaxed);
        boost::asio::post(pool, [] {
            work_10us();
            end_one();
        });
        work_10us();
        wait_for_all();
    }
}

static void once()
{
    left.store(1, std::memory_order_relaxed);
    boost::asio::post(pool, end_one);
    wait_for_all();
}

static void rounds()
{
    for (int i = 0; i < ROUNDS; i++)
        once();
}

int main(int argc, char **argv)
{
    begin_loads(argc, argv);
    measure("empty", empty, EMPTY);
    measure("for", loops, LOOPS);
    measure("round", rounds, ROUNDS);
    measure_asleep(once);
    end_loads();
    pool.join();
}
