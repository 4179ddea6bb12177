#define _GNU_SOURCE
#include "mhd_shims.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Not strict for clients: where it is, 0.9.75 answers a missing Host or a folded line by itself, its status line twice and
// a page of its own; FramingGuard refuses more than it would, by a problem.
struct MHD_Daemon *cordee_mhd_start(int listener, const struct cordee_mhd_settings *settings) {
  return MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, settings->handle,
      settings->context, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)listener,
      MHD_OPTION_URI_LOG_CALLBACK, settings->target, settings->context,
      MHD_OPTION_NOTIFY_COMPLETED, settings->completed, settings->context,
      MHD_OPTION_NOTIFY_CONNECTION, settings->connection, settings->context,
      MHD_OPTION_THREAD_POOL_SIZE, settings->threads, MHD_OPTION_CONNECTION_LIMIT,
      settings->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
      settings->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->memory_bytes_max,
      MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_END);
}

int cordee_mhd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}

int cordee_mhd_address(struct MHD_Connection *connection, uint8_t *bytes) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == NULL || info->client_addr == NULL) return 0;
  if (info->client_addr->sa_family == AF_INET) {
    memcpy(bytes, &((const struct sockaddr_in *)info->client_addr)->sin_addr, 4);
    return 4;
  }
  if (info->client_addr->sa_family != AF_INET6) return 0;
  memcpy(bytes, &((const struct sockaddr_in6 *)info->client_addr)->sin6_addr, 16);
  return 16;
}

size_t cordee_mhd_header_size(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return info == NULL ? 0 : info->header_size;
}

static int failed(int descriptor) {
  int reason = errno;
  if (descriptor >= 0) close(descriptor);
  return -reason;
}

static int listen_at(const struct addrinfo *place, int backlog) {
  int one = 1;
  int made = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return failed(made);
  // Without it a restarted server waits a minute for its own old connections.
  if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) return failed(made);
  if (bind(made, place->ai_addr, place->ai_addrlen) != 0) return failed(made);
  if (listen(made, backlog) != 0) return failed(made);
  return made;
}

int cordee_listen_tcp(const char *host, uint16_t port, int backlog) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct addrinfo *places = NULL;
  char service[6];
  snprintf(service, sizeof service, "%u", (unsigned int)port);
  int refusal = getaddrinfo(host, service, &hints, &places);
  if (refusal != 0) return -1000 + refusal;
  int made = -EADDRNOTAVAIL;
  for (const struct addrinfo *place = places; place != NULL && made < 0; place = place->ai_next) {
    made = listen_at(place, backlog);
  }
  freeaddrinfo(places);
  return made;
}

// 0 when the path is free now.
static int clear_stale(const char *path, const struct sockaddr_un *address) {
  struct stat found;
  if (lstat(path, &found) != 0) return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK(found.st_mode)) return -EEXIST;
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return failed(probe);
  int result = connect(probe, (const struct sockaddr *)address, sizeof *address);
  int reason = errno;
  close(probe);
  // A full queue (EAGAIN) has a listener too.
  if (result == 0 || reason != ECONNREFUSED) return -EADDRINUSE;
  return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int cordee_listen_unix(const char *path, int backlog) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int cleared = clear_stale(path, &address);
  if (cleared != 0) return cleared;
  int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return failed(made);
  // Before bind, so that the file never has a wider mode, not even for a moment (Linux).
  if (fchmod(made, S_IRUSR | S_IWUSR) != 0) return failed(made);
  if (bind(made, (const struct sockaddr *)&address, sizeof address) != 0) return failed(made);
  if (listen(made, backlog) != 0) return failed(made);
  return made;
}

uint16_t cordee_bound_port(int listener) {
  struct sockaddr_storage bound;
  socklen_t size = sizeof bound;
  if (getsockname(listener, (struct sockaddr *)&bound, &size) != 0) return 0;
  if (bound.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&bound)->sin_port);
  if (bound.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
  return 0;
}
