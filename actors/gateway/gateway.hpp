// THE GATEWAY: the API server. Authenticates, authorizes, decodes, defaults, admits, validates, and
// sends one commit to the STORE; reads are answered from snapshots on the connection's own thread.
#pragma once

#include "actors/gateway/authentication.hpp"
#include "actors/gateway/call.hpp"
#include "actors/gateway/flow.hpp"
#include "actors/gateway/workers.hpp"
#include "actors/store/traced_store.hpp"
#include "messages/base/time.hpp"
#include "net/http/server.hpp"
#include "net/tls/jws.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>

namespace troupe {
class directory;
}

namespace troupe::gateway {

class audit_log;

/// Takes a request that a machine's agent answers, by the kubelet's own paths.
using node_door = std::function<void(http::request, http::responder)>;

/// What the gateway is given to work with.
struct environment {
  storage::store* store = nullptr;
  workers* work = nullptr;
  std::function<timestamp()> now;
  std::function<uint64_t()> random;
  authenticator authenticate;
  std::shared_ptr<const tls::token_keys> token_keys; ///< of service accounts
  std::shared_ptr<audit_log> audit;                  ///< null: nothing is audited
  flow_limits flow;
  /// What has happened to connections so far, for /metrics; may be empty.
  std::function<http::server_counters()> counters;
  /// The door of a node, by its name; empty while its agent is not connected. Any thread.
  std::function<node_door(const std::string& node)> find_door;
  /// Who of this server's actors can be asked; null: nobody.
  std::shared_ptr<directory> company;
  /// Calls `go_on` with the door of the server that leads; empty if this one does, or nobody.
  std::function<void(std::function<void(node_door)> go_on)> find_leader;
};

/// What a write came to, on one snapshot: the change to commit, and the answer once it is durable.
struct change {
  storage::transaction tx;
  bool commit = true; ///< false: nothing to store (a dry run, or nothing changed); answer at once
  uint64_t revision = 0; ///< of the object as it stands, when there is nothing to store
  bool more = false;     ///< too much for one transaction: prepare again before answering
  std::function<void(call&, uint64_t revision)> answer;
};

/// Prepares a write against one snapshot. Run again on a newer one when somebody else was faster.
using attempt = std::function<result<change>(call&, const storage::snapshot&)>;

/// Documents made from the registry, kept until the registry changes. Any thread.
class document_cache {
public:
  struct document {
    http::bytes body;
    std::string hash;
  };
  /// The document of that name, made by `make` if this registry has not been asked before.
  document get(const std::shared_ptr<const schema::registry>& kinds, const std::string& name,
               const std::function<std::string()>& make);

private:
  std::mutex mutex_;
  std::shared_ptr<const schema::registry> of_;
  std::map<std::string, document> documents_;
};

class authorizer;
class custom_kinds;

class gateway {
public:
  explicit gateway(environment given);
  ~gateway();

  /// Takes one request; what http::server calls.
  void handle(http::request request, http::responder responder);

  /// Runs `prepare` on the current snapshot and commits what it yields, again and again until it is
  /// not overtaken, then answers.
  void write(call_ptr c, attempt prepare);

  std::shared_ptr<const schema::registry> kinds() const { return std::atomic_load(&kinds_); }

  environment given;
  traced_store desk; ///< the store, for what clients write
  std::unique_ptr<authorizer> authorize;
  std::shared_ptr<flow_control> flow; ///< answers may outlive the gateway
  document_cache documents;

private:
  /// Takes over what definitions in the store say now.
  void refresh_kinds();
  /// Lets it be answered now or when it is its turn, or tells the client to come back.
  void take_turn(call_ptr c);
  void dispatch(call_ptr c);
  void resource(call_ptr c);

  std::shared_ptr<const schema::registry> kinds_;
  std::unique_ptr<custom_kinds> custom_;
};

} // namespace troupe::gateway
