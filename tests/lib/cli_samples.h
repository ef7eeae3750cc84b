/* tests/lib/cli_samples.h - programs with every kind of row, for the tests of base/cli*.c. */
#ifndef TESTS_LIB_CLI_SAMPLES_H_
#define TESTS_LIB_CLI_SAMPLES_H_

#include "base/cli.h"

extern const struct cli_program sample;
extern const struct cli_program daemon_like; /* runs without a command */
extern const struct cli_program taking;      /* options of two names; a command takes letters */

#endif /* TESTS_LIB_CLI_SAMPLES_H_ */
