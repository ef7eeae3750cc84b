/* base/mem.c - malloc and its family, with "out of memory" decided once. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static void *mem_there(void *ptr)
{
    if (ptr == NULL) {
        must_fail("out of memory", __FILE__, __LINE__);
    }
    return ptr;
}

static size_t array_size(size_t count, size_t size)
{
    size_t total = 0;
    bool overflow = __builtin_mul_overflow(count, size, &total);
    MUST(!overflow);
    return total;
}

void *mem_alloc(size_t size)
{
    return mem_there(malloc(size > 0 ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return mem_there(calloc(1, size > 0 ? size : 1));
}

void *mem_array(size_t count, size_t size)
{
    return mem_zalloc(array_size(count, size));
}

void *mem_grow(void *ptr, size_t count, size_t size)
{
    size_t total = array_size(count, size);
    return mem_there(realloc(ptr, total > 0 ? total : 1));
}

void *mem_dup(const void *bytes, size_t size)
{
    void *copy = mem_alloc(size);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text) + 1);
}

char *mem_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int length = vasprintf(&text, fmt, args);
    va_end(args);
    return length < 0 ? mem_there(NULL) : text;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_freep(void *address_of_pointer)
{
    void *ptr = NULL;
    memcpy(&ptr, address_of_pointer, sizeof(ptr)); /* the variable may be a pointer of any type */
    free(ptr);
    ptr = NULL;
    memcpy(address_of_pointer, &ptr, sizeof(ptr));
}
