// A library that is loaded while the program runs and has an operator new of its own, whose blocks are not malloc's.
#include <cstdlib>
#include <new>

static constexpr std::size_t FRONT = 64;
static int calls;

void *operator new(std::size_t size)
{
    calls++;
    char *block = static_cast<char *>(std::malloc(size + FRONT));
    if (!block)
        throw std::bad_alloc();
    return block + FRONT;
}

void operator delete(void *pointer) noexcept
{
    calls++;
    if (pointer)
        std::free(static_cast<char *>(pointer) - FRONT);
}

// Also the sized form, which the library leaves to the C++ library.
extern "C" int use_own_new()
{
    int *volatile number = new int(1);
    delete number;
    ::operator delete(::operator new(32), static_cast<std::size_t>(32));
    return calls;
}
