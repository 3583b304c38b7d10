/*
 * caches [THREADS] [QUESTIONS]: a C++ program with a thread_local cache in front of a table that all share, as services
 * have. Main fills the table; a cache keeps strings of its thread's own.
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{

constexpr unsigned table_size = 4096, cache_size = 256;

std::map<std::string, std::string> table;
std::mutex lock;
std::atomic<unsigned long> wrong;

std::string key_of(unsigned number)
{
    return "customer-" + std::to_string(number);
}

std::string value_of(unsigned number)
{
    return std::string(40 + number % 100, static_cast<char>('a' + number % 26));
}

const std::string &look_up(unsigned number)
{
    thread_local std::unordered_map<unsigned, std::string> cache;
    auto found = cache.find(number);
    if (found != cache.end())
        return found->second;
    if (cache.size() >= cache_size)
        cache.erase(cache.begin());
    std::lock_guard<std::mutex> held(lock);
    return cache.emplace(number, table.at(key_of(number))).first->second;
}

void work(unsigned thread, unsigned questions)
{
    unsigned long found = 0;
    unsigned random = thread + 1;
    for (unsigned i = 0; i < questions; i++) {
        random = random * 1664525u + 1013904223u;
        /* most questions are about few customers, others for each thread */
        unsigned number =
            (random >> 8) % 10 ? (thread * 131 + (random >> 16) % 100) % table_size : (random >> 12) % table_size;
        found += look_up(number) != value_of(number);
    }
    wrong += found;
}

} // namespace

int main(int argc, char **argv)
{
    unsigned threads = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 8;
    unsigned questions = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 40000;
    std::vector<std::thread> team;
    for (unsigned i = 0; i < table_size; i++)
        table[key_of(i)] = value_of(i);
    for (unsigned i = 0; i < threads; i++)
        team.emplace_back(work, i, questions);
    for (auto &thread : team)
        thread.join();
    std::printf(wrong ? "caches: %lu wrong answers\n" : "caches ok\n", wrong.load());
    return wrong != 0;
}
