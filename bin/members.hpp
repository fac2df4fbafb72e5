// The servers of a cluster while they run: who belongs to them, who joins, who leaves. The desk is
// the side of the server, under /troupe/v1/; the rest is `troupe members` and how a server joins.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "actors/link/hub.hpp"
#include "actors/raft/group.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// GET /troupe/v1/members, DELETE /troupe/v1/members/N, POST /troupe/v1/members/N/transfer, for
/// administrators; POST /troupe/v1/servers, for who has a token for servers.
class members_desk {
public:
  /// `group` is null where there is none: nobody can join.
  members_desk(const gateway::gateway& api, std::shared_ptr<raft::group> group, const hub& links,
               std::filesystem::path keys)
      : api_{api}, group_{std::move(group)}, links_{links}, keys_{std::move(keys)} {}

  /// Takes the request if it is one of these; false otherwise.
  bool handle(http::request& request, http::responder& responder) const;

private:
  void list(http::responder to) const;
  void change(raft::group_wish wish, http::responder to) const;
  void admit(const http::request& request, http::responder to) const;

  const gateway::gateway& api_;
  std::shared_ptr<raft::group> group_;
  const hub& links_;
  std::filesystem::path keys_;
};

/// What a server remembers of itself in `data`: its number.
std::optional<uint64_t> own_number(const std::filesystem::path& data);
result<void> remember_number(const std::filesystem::path& data, uint64_t id);

/// Becomes a server of the cluster that `invitation` ("TOKEN@HOST[:PORT]") leads to: gets the keys
/// of the cluster and a number, which it returns. A server that has joined before is done.
struct new_server {
  std::filesystem::path data;
  std::string link, api; ///< where others reach it
};
result<uint64_t> join_servers(const new_server& own, const std::string& invitation);

/// `troupe members`.
int members_command(const std::vector<std::string>& arguments);

} // namespace troupe
