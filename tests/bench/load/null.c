/* The least a chat server can do: what the generator and the kernel take at most shows beside it. One thread, epoll.
 * Any request is answered with 101, and its path is the room. In each turn the text frames that came are gathered,
 * and all of a room's go to all its sockets, one send each. No key is computed, nothing is checked, nothing stored.
 * `null PORT` on the loopback. Linux.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT = 1, CLOSE = 8, PATH_LENGTH = 200, EVENTS = 1024 };

struct bytes {
    char *data;
    size_t size, space;
};

struct connection {
    int fd;
    struct room *room;   /* none before the handshake */
    size_t place;        /* in the room's list */
    struct bytes in, out; /* the beginning of a frame; what the kernel did not take */
    bool gone;
};

struct room {
    char path[PATH_LENGTH];
    struct connection **sockets;
    size_t count, space;
    struct bytes turn; /* the frames that came in this turn */
    struct room *next, *next_rung;
};

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
static struct room *rooms, *rung;
static struct connection *leaving[EVENTS];
static int poller, leaving_count;
static char scratch[1 << 18];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *grown(void *memory, size_t size) {
    memory = realloc(memory, size);
    if (!memory) fail("memory");
    return memory;
}

static void append(struct bytes *bytes, const void *data, size_t size) {
    if (bytes->size + size > bytes->space) {
        bytes->space = 2 * (bytes->size + size);
        bytes->data = grown(bytes->data, bytes->space);
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void watch(struct connection *connection, int how, uint32_t events) {
    struct epoll_event wanted = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, how, connection->fd, &wanted)) fail("epoll_ctl");
}

/* It is freed at the end of the turn: an event of this turn may still name it. */
static void leave(struct connection *connection) {
    if (connection->gone) return;
    connection->gone = true;
    leaving[leaving_count++] = connection;
}

static void bury(void) {
    while (leaving_count) {
        struct connection *connection = leaving[--leaving_count];
        struct room *room = connection->room;
        if (room) {
            struct connection *last = room->sockets[--room->count];
            room->sockets[connection->place] = last;
            last->place = connection->place;
        }
        close(connection->fd);
        free(connection->in.data);
        free(connection->out.data);
        free(connection);
    }
}

/* Out */

static void put(struct connection *connection, const char *data, size_t size) {
    if (!connection->out.size) {
        ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL);
        if (sent == (ssize_t)size) return;
        if (sent < 0 && errno != EAGAIN) return; /* the reading side will see that it is gone */
        if (sent > 0) data += sent, size -= sent;
        watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    append(&connection->out, data, size);
}

static void put_rest(struct connection *connection) {
    struct bytes *out = &connection->out;
    ssize_t sent = send(connection->fd, out->data, out->size, MSG_NOSIGNAL);
    if (sent < 0) return;
    out->size -= sent;
    memmove(out->data, out->data + sent, out->size);
    if (!out->size) watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void ring(void) {
    for (; rung; rung = rung->next_rung) {
        for (size_t each = 0; each < rung->count; each++)
            if (!rung->sockets[each]->gone) put(rung->sockets[each], rung->turn.data, rung->turn.size);
        rung->turn.size = 0;
    }
}

/* In */

static void enter(struct connection *connection, const char *path, size_t size) {
    struct room *room = rooms;
    if (size >= PATH_LENGTH) size = PATH_LENGTH - 1;
    while (room && (strlen(room->path) != size || memcmp(room->path, path, size))) room = room->next;
    if (!room) {
        room = grown(NULL, sizeof *room);
        memset(room, 0, sizeof *room);
        memcpy(room->path, path, size);
        room->next = rooms;
        rooms = room;
    }
    if (room->count == room->space) {
        room->space = room->space ? 2 * room->space : 8;
        room->sockets = grown(room->sockets, room->space * sizeof *room->sockets);
    }
    connection->room = room;
    connection->place = room->count;
    room->sockets[room->count++] = connection;
}

static size_t take_request(struct connection *connection, const char *data, size_t size) {
    const char *end = memmem(data, size, "\r\n\r\n", 4), *path = memchr(data, ' ', size);
    if (!end || !path) return 0;
    enter(connection, path + 1, strcspn(path + 1, " \r"));
    put(connection, answer, sizeof answer - 1);
    return end + 4 - data;
}

static void post(struct room *room, const char *text, size_t size) {
    unsigned char header[4] = {0x80 | TEXT, size < 126 ? size : 126, size >> 8, size};
    if (!room->turn.size) {
        room->next_rung = rung;
        rung = room;
    }
    append(&room->turn, header, size < 126 ? 2 : 4);
    append(&room->turn, text, size);
}

/* One whole masked frame at `data`, and how long it is; 0 if it is not all there. */
static size_t take_frame(struct connection *connection, char *data, size_t size) {
    unsigned char *bytes = (unsigned char *)data;
    if (size < 2) return 0;
    size_t length = bytes[1] & 127, header = 6;
    if (length == 127) {
        leave(connection); /* no line is so long */
        return 0;
    }
    if (length == 126) {
        if (size < 4) return 0;
        length = (size_t)bytes[2] << 8 | bytes[3];
        header = 8;
    }
    if (size < header + length) return 0;
    for (size_t at = 0; at < length; at++) data[header + at] ^= data[header - 4 + at % 4];
    if ((bytes[0] & 15) == TEXT) post(connection->room, data + header, length);
    else if ((bytes[0] & 15) == CLOSE) leave(connection);
    return header + length;
}

static void take(struct connection *connection) {
    struct bytes *in = &connection->in;
    size_t kept = in->size, used = 0, step;
    memcpy(scratch, in->data ? in->data : "", kept);
    ssize_t got = recv(connection->fd, scratch + kept, sizeof scratch - 1 - kept, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) leave(connection);
        return;
    }
    size_t all = kept + got;
    scratch[all] = 0;
    if (!connection->room) used = take_request(connection, scratch, all);
    if (connection->room)
        while (!connection->gone && (step = take_frame(connection, scratch + used, all - used))) used += step;
    in->size = 0;
    if (used < all) append(in, scratch + used, all - used);
    if (in->size > sizeof scratch / 2) leave(connection);
}

static void let_in(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("memory");
        connection->fd = fd;
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int listening(int port) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&place, sizeof place) || listen(fd, 4096)) fail("listen");
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted)) fail("epoll_ctl");
    return fd;
}

int main(int count, char **words) {
    if (count != 2) {
        fputs("null PORT\n", stderr);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listening(atoi(words[1]));
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int each = 0; each < ready; each++) {
            struct connection *connection = events[each].data.ptr;
            if (!connection) {
                let_in(listener);
                continue;
            }
            if (events[each].events & EPOLLOUT) put_rest(connection);
            if (events[each].events & ~EPOLLOUT) take(connection);
        }
        ring();
        bury();
    }
}
