/* A WebSocket load generator that costs little enough not to be what is measured: one thread, epoll, one read for
 * as many frames as there are. It counts every message at every socket, and checks that each socket had each message
 * once, all of them in the room's one order. How to call it: see `usage`. Linux.
 *
 * What it does not do: TLS, compression, fragments; its masks are zero, which RFC 6455 allows a test but no browser.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum { CONNECTING_AT_ONCE = 100, TEXT_LENGTH = 60, BUCKETS = 64 * 40, DRAIN_S = 10, CONNECT_S = 120 };
enum state { IDLE, CONNECTING, HANDSHAKE, GREETING, READY, GONE };
enum dialect { FULL, PLAIN, RAW, SOCKETIO };

struct room {
    uint32_t *order; /* the numbers of its messages, as the first socket to have them had them */
    size_t length, space;
    uint32_t sent;
};

struct connection {
    int fd;
    enum state state;
    unsigned room;
    size_t place;   /* in the room's order: how much of it this socket has had */
    uint32_t mine;  /* the number of its message that is out, 0 if none is */
    double retry;   /* when that one is given up */
    char *rest;     /* the beginning of a frame that is not there yet */
    size_t rest_size;
};

static struct {
    const char *host, *path, *cookies;
    int port;
    enum dialect dialect;
    unsigned sockets, rooms, flight;
    uint32_t first;
    double rate, seconds, warmup, patience;
    bool hold;
} options = {.host = "127.0.0.1", .path = "/", .rooms = 1, .first = 1, .seconds = 5, .warmup = 1, .patience = 2};

static struct connection *connections;
static struct room *rooms;
static char **cookie_lines;
static unsigned cookie_count;
static int poller;
static unsigned ready, started, pending, gone;
static uint32_t next_number;
static double *sent_at;   /* by number, from options.first */
static uint32_t *ordered; /* by number: 1 + its place in its room's order, 0 before anybody had it */
static size_t numbers;
static bool measuring, finishing;
static double busy; /* seconds with something to do */
static uint64_t deliveries, messages, repeated, lost, misplaced, timeouts, latencies[BUCKETS];
static double worst;
static char scratch[1 << 18];

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void *grown(void *memory, size_t size) {
    memory = realloc(memory, size);
    if (!memory) fail("no memory");
    return memory;
}

/* Latencies: buckets of a 64th of an octave, from a microsecond on. */

static void count_latency(double seconds) {
    double microseconds = seconds * 1e6;
    int bucket = microseconds <= 1 ? 0 : (int)(64 * log2(microseconds));
    latencies[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    if (seconds > worst) worst = seconds;
}

static double percentile(double share) {
    uint64_t all = 0, seen = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) all += latencies[bucket];
    if (!all) return NAN;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        seen += latencies[bucket];
        if (seen >= share * all) return exp2((bucket + 0.5) / 64) / 1000;
    }
    return NAN;
}

/* Out */

static void leave(struct connection *connection, const char *why) {
    if (connection->state == GONE) return;
    if (connection->state < READY) fail("socket %td could not get in: %s", connection - connections, why);
    connection->state = GONE;
    close(connection->fd);
    ready--;
    gone++;
}

static void put(struct connection *connection, const char *data, size_t size) {
    /* What a sender has out is far below any socket's buffer. */
    if (send(connection->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) leave(connection, "it takes no more");
}

static void put_frame(struct connection *connection, int opcode, const char *payload, size_t size) {
    char frame[1024];
    size_t at = 0;
    if (size > sizeof frame - 8) size = sizeof frame - 8;
    frame[at++] = (char)(0x80 | opcode);
    if (size < 126) {
        frame[at++] = (char)(0x80 | size);
    } else {
        frame[at++] = (char)(0x80 | 126);
        frame[at++] = (char)(size >> 8);
        frame[at++] = (char)size;
    }
    memset(frame + at, 0, 4);
    memcpy(frame + at + 4, payload, size);
    put(connection, frame, at + 4 + size);
}

static void say(struct connection *connection, double intended) {
    static const char filler[] = "a line as long as lines in a chat are on most days";
    char payload[512];
    uint32_t number = next_number++;
    size_t index = number - options.first;
    if (index >= numbers) {
        size_t more = numbers ? 2 * numbers : 1 << 16;
        sent_at = grown(sent_at, more * sizeof *sent_at);
        ordered = grown(ordered, more * sizeof *ordered);
        memset(ordered + numbers, 0, (more - numbers) * sizeof *ordered);
        numbers = more;
    }
    sent_at[index] = intended;
    connection->mine = number;
    connection->retry = intended + options.patience;
    rooms[connection->room].sent++;
    char text[TEXT_LENGTH + 1];
    snprintf(text, sizeof text, "~%010u~ %.47s", number, filler);
    int size;
    switch (options.dialect) {
    case FULL:
        size = snprintf(payload, sizeof payload,
                        "{\"type\":\"send\",\"client_id\":\"%010u-c1a5-4e0b-b1f4\",\"message\":\"%s\"}", number, text);
        break;
    case PLAIN: size = snprintf(payload, sizeof payload, "{\"message\":\"%s\"}", text); break;
    case SOCKETIO: size = snprintf(payload, sizeof payload, "42[\"m\",\"%s\"]", text); break;
    default: size = snprintf(payload, sizeof payload, "%s", text);
    }
    put_frame(connection, TEXT, payload, size);
}

/* In */

static void become_ready(struct connection *connection) {
    connection->state = READY;
    ready++;
    pending--;
}

static void take_message(struct connection *connection, uint32_t number, double at) {
    struct room *room = &rooms[connection->room];
    size_t index = number - options.first;
    if (number < options.first || number >= next_number) return; /* of an earlier run */
    if (measuring) {
        deliveries++;
        count_latency(at - sent_at[index]);
    }
    if (connection->place < room->length && room->order[connection->place] == number) {
        connection->place++;
    } else if (!ordered[index]) {
        if (connection->place < room->length) { /* it has not had all that others had before this one */
            lost += room->length - connection->place;
            misplaced++;
        }
        if (room->length == room->space) {
            room->space = room->space ? 2 * room->space : 1024;
            room->order = grown(room->order, room->space * sizeof *room->order);
        }
        room->order[room->length++] = number;
        ordered[index] = room->length;
        connection->place = room->length;
        if (measuring) messages++;
    } else if (ordered[index] > connection->place) {
        lost += ordered[index] - 1 - connection->place;
        misplaced++;
        connection->place = ordered[index];
    } else {
        repeated++; /* or it came late: then it was counted as lost, too */
    }
    if (connection->mine == number) {
        connection->mine = 0;
        if (options.flight && !finishing) say(connection, at);
    }
}

static void take_text(struct connection *connection, const char *payload, size_t size, double at) {
    if (connection->state == GREETING) {
        if (options.dialect == FULL) {
            if (size > 14 && !memcmp(payload, "{\"type\":\"open\"", 14)) become_ready(connection);
            else if (size > 15 && !memcmp(payload, "{\"type\":\"error\"", 15)) fail("refused: %.*s", (int)size, payload);
        } else if (options.dialect == SOCKETIO) {
            if (payload[0] == '0') put_frame(connection, TEXT, "40", 2);
            else if (size > 1 && payload[0] == '4' && payload[1] == '0') become_ready(connection);
        }
        return;
    }
    if (options.dialect == SOCKETIO && size == 1 && payload[0] == '2') {
        put_frame(connection, TEXT, "3", 1);
        return;
    }
    if (options.dialect == FULL && (size < 17 || memcmp(payload, "{\"type\":\"message\"", 17))) return;
    const char *mark = memchr(payload, '~', size);
    if (!mark || payload + size - mark < 12 || mark[11] != '~') return;
    uint32_t number = 0;
    for (int digit = 1; digit <= 10; digit++) number = 10 * number + (uint32_t)(mark[digit] - '0');
    take_message(connection, number, at);
}

/* One whole frame at `data`, and how long it is; 0 if it is not all there. */
static size_t take_frame(struct connection *connection, const char *data, size_t size, double at) {
    const unsigned char *bytes = (const unsigned char *)data;
    if (size < 2) return 0;
    size_t header = 2, length = bytes[1] & 127;
    if (length == 126) {
        if (size < 4) return 0;
        header = 4;
        length = (size_t)bytes[2] << 8 | bytes[3];
    } else if (length == 127) {
        if (size < 10) return 0;
        header = 10;
        length = 0;
        for (int byte = 2; byte < 10; byte++) length = length << 8 | bytes[byte];
    }
    if (size < header + length) return 0;
    switch (bytes[0] & 15) {
    case TEXT:
    case 2: take_text(connection, data + header, length, at); break;
    case PING: put_frame(connection, PONG, data + header, length); break;
    case CLOSE: leave(connection, "the server closed it"); break;
    }
    return header + length;
}

static size_t take_answer(struct connection *connection, const char *data, size_t size) {
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    if (size < 12 || memcmp(data + 9, "101", 3)) fail("refused: %.*s", (int)(end - data), data);
    connection->state = GREETING;
    if (options.dialect == FULL) put_frame(connection, TEXT, "{\"type\":\"hello\"}", 16);
    else if (options.dialect != SOCKETIO) become_ready(connection);
    return end + 4 - data;
}

static void take(struct connection *connection) {
    memcpy(scratch, connection->rest, connection->rest_size);
    ssize_t size = recv(connection->fd, scratch + connection->rest_size, sizeof scratch - connection->rest_size, 0);
    if (size <= 0) {
        if (size == 0 || (errno != EAGAIN && errno != EINTR)) leave(connection, size ? strerror(errno) : "end of stream");
        return;
    }
    size_t all = connection->rest_size + size, used = 0, step;
    double at = now();
    if (connection->state == HANDSHAKE) {
        used = take_answer(connection, scratch, all);
        if (!used && all == sizeof scratch) fail("no answer to the handshake");
    }
    if (connection->state > HANDSHAKE)
        while (connection->state != GONE && (step = take_frame(connection, scratch + used, all - used, at))) used += step;
    if (all - used == sizeof scratch) fail("a frame of more than %zu bytes", sizeof scratch);
    connection->rest = grown(connection->rest, all - used + 1);
    connection->rest_size = all - used;
    memcpy(connection->rest, scratch + used, all - used);
}

/* Connecting */

static void ask(struct connection *connection) {
    char path[512], request[4096];
    size_t index = connection - connections;
    snprintf(path, sizeof path, options.path, connection->room);
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                        path, options.host, options.port, cookie_count ? "Cookie: " : "",
                        cookie_count ? cookie_lines[index % cookie_count] : "", cookie_count ? "\r\n" : "");
    connection->state = HANDSHAKE;
    put(connection, request, size);
}

static void begin_connecting(struct connection *connection) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    int on = 1;
    if (inet_pton(AF_INET, options.host, &place.sin_addr) != 1) fail("%s is no IPv4 address", options.host);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) fail("no more sockets: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(connection->fd, (struct sockaddr *)&place, sizeof place) && errno != EINPROGRESS)
        fail("cannot connect: %s", strerror(errno));
    connection->state = CONNECTING;
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &wanted)) fail("epoll: %s", strerror(errno));
    pending++;
}

static void connected(struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) fail("cannot connect: %s", strerror(error));
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &wanted);
    ask(connection);
}

/* Let come what comes. It never sleeps: a server would pay for waking it, once for each write. */
static void turn(void) {
    struct epoll_event events[1024];
    double start = now();
    int count = epoll_wait(poller, events, 1024, 0);
    for (int each = 0; each < count; each++) {
        struct connection *connection = events[each].data.ptr;
        if (connection->state == CONNECTING) connected(connection);
        else if (connection->state != GONE) take(connection);
    }
    if (measuring && count > 0) busy += now() - start;
}

static void connect_all(void) {
    double deadline = now() + CONNECT_S, start = now();
    while (ready < options.sockets) {
        while (started < options.sockets && pending < CONNECTING_AT_ONCE) begin_connecting(&connections[started++]);
        turn();
        if (now() > deadline) fail("after %d s only %u of %u sockets are in", CONNECT_S, ready, options.sockets);
    }
    printf("open %.3f\n", now() - start);
    fflush(stdout);
}

/* Runs */

static void send_what_is_due(double start, uint64_t *due) {
    double at = now();
    while (start + *due / options.rate <= at) {
        struct connection *connection = &connections[*due % options.sockets];
        if (connection->state == READY) say(connection, start + *due / options.rate);
        ++*due;
    }
}

static void start_flights(void) {
    for (unsigned index = 0; index < options.flight * options.rooms && index < options.sockets; index++)
        say(&connections[index], now());
}

static void give_up_late_ones(void) {
    double at = now();
    for (unsigned index = 0; index < options.flight * options.rooms && index < options.sockets; index++) {
        struct connection *connection = &connections[index];
        if (connection->state == READY && connection->mine && connection->retry < at) {
            timeouts++;
            say(connection, at);
        }
    }
}

static void run_for(double seconds, double start, uint64_t *due) {
    double end = now() + seconds, look = now() + options.patience;
    while (now() < end) {
        if (options.rate) {
            send_what_is_due(start, due);
        } else if (now() > look) {
            give_up_late_ones();
            look = now() + options.patience / 4;
        }
        turn();
    }
}

static bool all_there(void) {
    for (unsigned index = 0; index < options.sockets; index++) {
        struct room *room = &rooms[connections[index].room];
        if (connections[index].state == READY && (room->length < room->sent || connections[index].place < room->length))
            return false;
    }
    return true;
}

static void report(double seconds) {
    uint64_t sent = 0;
    for (unsigned index = 0; index < options.sockets; index++) {
        struct room *room = &rooms[connections[index].room];
        if (connections[index].state == READY) lost += room->sent - connections[index].place;
    }
    for (unsigned room = 0; room < options.rooms; room++) sent += rooms[room].sent;
    printf("{\"sockets\": %u, \"rooms\": %u, \"sent\": %lu, \"messages\": %lu, \"deliveries\": %lu, \"seconds\": %.4f, "
           "\"lost\": %lu, \"repeated\": %lu, \"misplaced\": %lu, \"timeouts\": %lu, \"closed\": %u, "
           "\"client_busy_seconds\": %.4f",
           options.sockets, options.rooms, sent, messages, deliveries, seconds, lost, repeated, misplaced, timeouts, gone,
           busy);
    if (deliveries)
        printf(", \"p50_ms\": %.3f, \"p95_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f", percentile(0.5),
               percentile(0.95), percentile(0.99), worst * 1000);
    printf("}\n");
}

static void measure(void) {
    double start = now();
    uint64_t due = 0;
    next_number = options.first;
    if (!options.rate) start_flights();
    run_for(options.warmup, start, &due);
    printf("begin\n");
    fflush(stdout);
    double begin = now();
    measuring = true;
    run_for(options.seconds, start, &due);
    measuring = false;
    double seconds = now() - begin;
    printf("end\n");
    fflush(stdout);
    finishing = true;
    double deadline = now() + DRAIN_S;
    while (!all_there() && now() < deadline) turn();
    report(seconds);
}

static void hold(void) {
    struct pollfd waiting[2] = {{.fd = 0, .events = POLLIN}, {.fd = poller, .events = POLLIN}};
    char byte;
    do {
        poll(waiting, 2, -1);
        turn();
    } while (!waiting[0].revents || read(0, &byte, 1) > 0);
    if (gone) fail("the server closed %u of %u idle sockets", gone, options.sockets);
}

/* The command line */

__attribute__((noreturn)) static void usage(void) {
    fail("client --port P [--host ADDRESS] --dialect full|plain|raw|socketio --path FORMAT --sockets N [--rooms R]\n"
         "       [--cookies FILE] (--flight K | --rate M | --hold) [--seconds S] [--warmup S] [--patience S]\n"
         "       [--ids-from N]\n"
         "Socket i is in room i %% R; %%d in the path is the room's number. --flight: K messages are out in each room,\n"
         "each by a socket of its own that sends the next one when it has had its last. --rate: M messages a second in\n"
         "all, whatever comes back. Prints `open S`, `begin`, `end`, then what happened as JSON.");
}

static enum dialect dialect_of(const char *name) {
    static const char *const names[] = {"full", "plain", "raw", "socketio"};
    for (int each = 0; each < 4; each++)
        if (!strcmp(name, names[each])) return (enum dialect)each;
    usage();
}

static void read_options(int count, char **words) {
    for (int at = 1; at < count; at++) {
        const char *word = words[at];
        if (!strcmp(word, "--hold")) {
            options.hold = true;
            continue;
        }
        if (at + 1 == count) usage();
        const char *value = words[++at];
        if (!strcmp(word, "--port")) options.port = atoi(value);
        else if (!strcmp(word, "--host")) options.host = value;
        else if (!strcmp(word, "--dialect")) options.dialect = dialect_of(value);
        else if (!strcmp(word, "--path")) options.path = value;
        else if (!strcmp(word, "--sockets")) options.sockets = atoi(value);
        else if (!strcmp(word, "--rooms")) options.rooms = atoi(value);
        else if (!strcmp(word, "--cookies")) options.cookies = value;
        else if (!strcmp(word, "--flight")) options.flight = atoi(value);
        else if (!strcmp(word, "--rate")) options.rate = atof(value);
        else if (!strcmp(word, "--seconds")) options.seconds = atof(value);
        else if (!strcmp(word, "--warmup")) options.warmup = atof(value);
        else if (!strcmp(word, "--patience")) options.patience = atof(value);
        else if (!strcmp(word, "--ids-from")) options.first = atoi(value);
        else usage();
    }
    int ways = options.hold + (options.flight > 0) + (options.rate > 0);
    if (!options.port || !options.sockets || !options.rooms || !options.first || ways != 1) usage();
}

static void read_cookies(void) {
    FILE *file = fopen(options.cookies, "r");
    char *line = NULL;
    size_t space = 0;
    if (!file) fail("%s: %s", options.cookies, strerror(errno));
    while (getline(&line, &space, file) > 0) {
        line[strcspn(line, "\r\n")] = 0;
        cookie_lines = grown(cookie_lines, (cookie_count + 1) * sizeof *cookie_lines);
        cookie_lines[cookie_count++] = strdup(line);
    }
    fclose(file);
}

int main(int count, char **words) {
    read_options(count, words);
    if (options.cookies) read_cookies();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    connections = calloc(options.sockets, sizeof *connections);
    rooms = calloc(options.rooms, sizeof *rooms);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || !rooms || poller < 0) fail("cannot begin");
    for (unsigned index = 0; index < options.sockets; index++) connections[index].room = index % options.rooms;
    connect_all();
    if (options.hold) hold();
    else measure();
    return 0;
}
