#pragma once
#include <microhttpd.h>
#include <stdint.h>
// Typed entry points for MHD_start_daemon and MHD_get_connection_info, which are variadic, and the
// listening sockets, whose address unions Swift cannot fill safely.

typedef void *(*cordee_mhd_target)(
    void *context, const char *target, struct MHD_Connection *connection);

struct cordee_mhd_settings {
  void *context;
  MHD_AccessHandlerCallback handle;
  cordee_mhd_target target;
  MHD_RequestCompletedCallback completed;
  MHD_NotifyConnectionCallback connection;
  unsigned int threads;
  unsigned int connections_max;
  unsigned int idle_seconds;
  size_t memory_bytes_max;
};

// NULL when it cannot start; takes the listening socket over only when it starts.
struct MHD_Daemon *cordee_mhd_start(int listener, const struct cordee_mhd_settings *settings);
int cordee_mhd_socket(struct MHD_Connection *connection);
// The peer's address, 4 or 16 bytes, into 16; 0 where it has none.
int cordee_mhd_address(struct MHD_Connection *connection, uint8_t *bytes);
// Bytes from the request line to the blank line, both included.
size_t cordee_mhd_header_size(struct MHD_Connection *connection);

// A listening socket, or a negated errno; -1000 and below for a name that getaddrinfo refuses.
int cordee_listen_tcp(const char *host, uint16_t port, int backlog);
// Mode 0600. Replaces a socket that nobody listens on; -EADDRINUSE when somebody does.
int cordee_listen_unix(const char *path, int backlog);
// The port a socket is bound to, 0 for a Unix socket.
uint16_t cordee_bound_port(int listener);
