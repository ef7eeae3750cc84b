/* ctl/progress.h - while something takes its time: a line on stderr that says so, every second. */
#ifndef CTL_PROGRESS_H_
#define CTL_PROGRESS_H_

/* "@what is under way"; lives until progress_end(). One at a time. */
void progress_begin(const char *what);
void progress_end(void);

#endif /* CTL_PROGRESS_H_ */
