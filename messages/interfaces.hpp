// Every actor's typed interface on one page: what can be asked of whom, a line a message. What
// crosses machines is Protobuf bytes of messages/cluster. Type ids are given in this order and are
// local to a process: they never cross the wire.
#pragma once

#include <caf/all.hpp>

#include <cstdint>
#include <string>

CAF_BEGIN_TYPE_ID_BLOCK(troupe, first_custom_type_id)

CAF_ADD_ATOM(troupe, troupe, heard_atom, "heard")
CAF_ADD_ATOM(troupe, troupe, asked_atom, "asked")
CAF_ADD_ATOM(troupe, troupe, written_atom, "written")
CAF_ADD_ATOM(troupe, troupe, elapsed_atom, "elapsed")
CAF_ADD_ATOM(troupe, troupe, commit_atom, "commit")
CAF_ADD_ATOM(troupe, troupe, current_atom, "current")
CAF_ADD_ATOM(troupe, troupe, member_atom, "member")
CAF_ADD_ATOM(troupe, troupe, promote_atom, "promote")
CAF_ADD_ATOM(troupe, troupe, remove_atom, "remove")
CAF_ADD_ATOM(troupe, troupe, transfer_atom, "transfer")
CAF_ADD_ATOM(troupe, troupe, resync_atom, "resync")
CAF_ADD_ATOM(troupe, troupe, arrived_atom, "arrived")
CAF_ADD_ATOM(troupe, troupe, reported_atom, "reported")
CAF_ADD_ATOM(troupe, troupe, told_atom, "told")
CAF_ADD_ATOM(troupe, troupe, changed_atom, "changed")
CAF_ADD_ATOM(troupe, troupe, stop_atom, "stop")

CAF_END_TYPE_ID_BLOCK(troupe)

namespace troupe {

/// RAFT: one member of the replicated log. It persists, then sends, then applies.
using raft_actor = caf::typed_actor<
    // A peer said this: a cluster.PeerMessage. What does not decode is dropped.
    caf::reacts_to<heard_atom, uint64_t, std::string>,
    // INTERNAL: writes and reads wait in the queue of its store.
    caf::reacts_to<asked_atom>,
    // INTERNAL: the disk has done the job it was given.
    caf::reacts_to<written_atom>,
    // INTERNAL: one tick of Raft's clock. Re-arms itself while there is somebody to hear.
    caf::reacts_to<elapsed_atom>,
    // Adds a learner with an id that was never used, at an address. Answers when proposed.
    caf::replies_to<member_atom, uint64_t, std::string>::with<caf::unit_t>,
    // Makes a learner that has caught up a voter.
    caf::replies_to<promote_atom, uint64_t>::with<caf::unit_t>,
    // Removes a member; its id is never given again.
    caf::replies_to<remove_atom, uint64_t>::with<caf::unit_t>,
    // Hands leadership to a voter.
    caf::replies_to<transfer_atom, uint64_t>::with<caf::unit_t>>;

/// STORE: the one writer, for whoever is not in this process. Others use storage::store directly.
using store_actor = caf::typed_actor<
    // Commits a cluster.Transaction, wherever the leader is; answers a cluster.CommitAnswer.
    caf::replies_to<commit_atom, std::string>::with<std::string>,
    // INTERNAL: what became of the request with this number.
    caf::reacts_to<written_atom, uint64_t, std::string>,
    // INTERNAL: the read with this number may be answered, or why not.
    caf::reacts_to<current_atom, uint64_t, std::string>,
    // The revision that a linearizable read must show at least.
    caf::replies_to<current_atom>::with<uint64_t>>;

/// Any controller: keeps one part of what is there as it should be.
using controller_actor = caf::typed_actor<
    // Something it cares about has changed: look at the present, plan, act. Harmless to repeat.
    caf::reacts_to<resync_atom>,
    // INTERNAL: the same, after it has waited for somebody else.
    caf::reacts_to<resync_atom, bool>>;

/// NODE AGENT: runs the pods of one machine, or pretends to.
using node_agent_actor = caf::typed_actor<
    // The servers told this: a cluster.ToNode.
    caf::reacts_to<told_atom, std::string>,
    // INTERNAL: something of its own has happened (a container ended, a file changed, time is up).
    caf::reacts_to<resync_atom>>;

/// POD: runs one pod on its machine.
using pod_actor = caf::typed_actor<
    // The servers told something that concerns it: the facts are to be looked at again.
    caf::reacts_to<told_atom>,
    // INTERNAL: something has happened to it and waits in its inbox.
    caf::reacts_to<resync_atom>,
    // INTERNAL: the time of this number, for which it asked, has come.
    caf::reacts_to<elapsed_atom, uint64_t>>;

/// NODE: stands for one machine on the leader.
using node_actor = caf::typed_actor<
    // The machine reported this: a cluster.FromNode.
    caf::reacts_to<reported_atom, std::string>,
    // INTERNAL: what was reported and not yet stored is due.
    caf::reacts_to<resync_atom>>;

/// NODES: knows the NODE of every machine and which facts concern whom.
using nodes_actor = caf::typed_actor<
    // An agent (a node_agent_actor, in this process or a proxy) is there with this first word, a
    // cluster.Arrived; answers the NODE (a node_actor) to which it reports. It is then told all
    // that concerns it. An earlier agent of the same node is forgotten.
    caf::replies_to<arrived_atom, std::string, caf::strong_actor_ptr>::with<caf::strong_actor_ptr>,
    // INTERNAL: the store has changed.
    caf::reacts_to<resync_atom>>;

/// PROXY: makes the addresses of services lead to their pods, on one machine.
using proxy_actor = caf::typed_actor<
    // The servers told this machine so: a cluster.ToNode.
    caf::reacts_to<told_atom, std::string>,
    // INTERNAL: what the kernel refused is due again.
    caf::reacts_to<resync_atom>>;

/// DNS: knows the names of services and pods, on one machine. Answers without a message.
using dns_actor = caf::typed_actor<
    // The servers told this machine so: a cluster.ToNode.
    caf::reacts_to<told_atom, std::string>>;

/// DOWNLINK: on a server, the agent of a node at the other end of a LINK.
using downlink_actor = node_agent_actor::extend<
    // The node said this: a cluster.NodeToServer.
    caf::reacts_to<heard_atom, std::string>>;

/// UPLINK: on a node, whichever server leads, as the NODES of this process.
using uplink_actor = nodes_actor::extend<
    // The server with this number said this: a cluster.ServerToNode.
    caf::reacts_to<heard_atom, uint64_t, std::string>,
    // The link to the server with this number is down.
    caf::reacts_to<changed_atom, uint64_t>>;

} // namespace troupe
