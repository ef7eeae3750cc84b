/* daemon/notify.h - what the service manager is told (sd_notify), over the socket it has named. */
#ifndef DAEMON_NOTIFY_H_
#define DAEMON_NOTIFY_H_

/* Who wants to know: what NOTIFY_SOCKET said; NULL: nobody. Kept. */
void notify_to(const char *path);
/* Lines as sd_notify(3) has them: "READY=1\nSTATUS=...". Never blocks; what can not be delivered is
 * lost. */
void notify_send(const char *lines);
/* "STATUS=" and one line of text. */
void notify_status(const char *text);
/* The configuration is being read again; READY=1 ends it. */
void notify_reloading(void);

#endif /* DAEMON_NOTIFY_H_ */
