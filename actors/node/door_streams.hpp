// exec, attach and port-forward: a session with the client on one side, a process or a port of the
// pod on the other.
#pragma once

#include "actors/node/context.hpp"
#include "net/streams/exec.hpp"

namespace troupe::node {

/// Runs `command` in the container, or joins its own streams if there is none.
void serve_exec(const context_ptr& with, const std::string& uid, const std::string& id,
                std::vector<std::string> command, bool container_tty, const http::request& request,
                http::responder to);

/// Connects to ports of the pod, in its network namespace.
void serve_forward(const context_ptr& with, const pod_card& pod, const http::request& request,
                   http::responder to);

} // namespace troupe::node
