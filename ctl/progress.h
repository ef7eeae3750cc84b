/* ctl/progress.h - while something takes its time: a line on stderr that says so, every second; and
 * if a signal ends the program in the middle of it, a sentence that says what goes on without it.
 *
 * The signals are those of a terminal, SIGINT, SIGQUIT and SIGHUP, and SIGTERM; who has started us
 * with one of them ignored is obeyed. The program ends by the signal, as it would have. */
#ifndef CTL_PROGRESS_H_
#define CTL_PROGRESS_H_

/* Lines "@what is under way" until progress_end(); NULL: none. @after: the sentence, NULL: none;
 * copied, both. What begins inside of another one is part of it. */
void progress_begin(const char *what, const char *after);
/* The lines say this from now on, until the end; copied. */
void progress_tell(const char *text);
/* Until then the signal removes this file, too: half of one is none. NULL: not any more; copied. */
void progress_draft(const char *path);
void progress_end(void);

#endif /* CTL_PROGRESS_H_ */
