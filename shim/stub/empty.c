/*
 * What lies where the loader of 32-bit programs looks for the library ($LIB in LD_PRELOAD): without a file there it
 * complains on stderr of each of them. It does nothing, and needs nothing of a 32-bit C library.
 */
extern const char nodewise_is_not_for_32_bits;
const char nodewise_is_not_for_32_bits;
