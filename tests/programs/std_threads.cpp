// Four std::thread that wait for main to have read a line.
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

int main()
{
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    std::vector<std::thread> pool;
    for (int i = 0; i < 4; i++)
        pool.emplace_back([&] {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return over; });
        });
    getchar();
    {
        std::lock_guard<std::mutex> lock(mutex);
        over = true;
    }
    changed.notify_all();
    for (auto &thread : pool)
        thread.join();
    std::printf("%zu joined\n", pool.size());
}
