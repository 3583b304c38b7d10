// Every form of operator new and delete, and what happens when there is no memory.
#include <cstdint>
#include <cstdio>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

struct alignas(256) Wide {
    char bytes[256];
};

static int handled;

static void handler()
{
    if (++handled == 3)
        std::set_new_handler(nullptr);
}

int main()
{
    delete new int(1);
    delete[] new int[10];
    delete new Wide;
    delete[] new Wide[3];
    Wide *wide = new (std::nothrow) Wide;
    if (reinterpret_cast<std::uintptr_t>(wide) % 256)
        std::puts("not aligned");
    delete wide;
    ::operator delete(::operator new(100), std::size_t(100));
    ::operator delete[](::operator new[](100), std::size_t(100));
    ::operator delete(::operator new(100, std::align_val_t(64)), std::align_val_t(64));
    ::operator delete[](::operator new[](100, std::align_val_t(64)), std::size_t(100), std::align_val_t(64));
    ::operator delete(::operator new(100, std::nothrow), std::nothrow);
    ::operator delete(::operator new(100, std::align_val_t(64), std::nothrow), std::align_val_t(64), std::nothrow);

    volatile std::size_t much = SIZE_MAX / 2;
    std::set_new_handler(handler);
    try {
        delete[] new char[much];
        std::puts("got too much");
    } catch (const std::bad_alloc &) {
        std::printf("bad_alloc after %d calls of the handler\n", handled);
    }
    std::printf("%d\n", new (std::nothrow) char[much] == nullptr);

    std::map<int, std::string> map;
    std::vector<std::thread> threads;
    for (int i = 0; i < 10000; i++)
        map[i * 7919 % 10007] = std::string(std::size_t(i % 100), 'x');
    for (int t = 0; t < 8; t++)
        threads.emplace_back([t, copy = map]() mutable {
            for (int i = 0; i < 10000; i++)
                copy.erase(i * (t + 3) % 10007);
        });
    for (auto &thread : threads)
        thread.join();
    std::puts("done");
}
