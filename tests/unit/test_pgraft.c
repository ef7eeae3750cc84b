/* tests/unit/test_pgraft.c - the public header and the library it comes with say the same version.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/version.h"
#include "consensus/pgraft.h"

static void header_and_library_agree(void **state)
{
    (void)state;
    char header[32];
    (void)snprintf(header, sizeof(header), "%d.%d.%d", PGRAFT_VERSION_MAJOR, PGRAFT_VERSION_MINOR,
                   PGRAFT_VERSION_PATCH);
    assert_string_equal(header, pgraft_version());
    assert_string_equal(PGRAFT_VERSION, pgraft_version());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_library_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
