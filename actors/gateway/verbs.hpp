// The verbs of the API, each in a file of its own name. Every function takes over the call and sees
// to it that it is answered.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

void get(gateway& g, call_ptr c);               // get.cpp
void list(gateway& g, call_ptr c);              // list.cpp
void watch(gateway& g, call_ptr c);             // watch.cpp
void create(gateway& g, call_ptr c);            // create.cpp
void update(gateway& g, call_ptr c);            // update.cpp
void patch(gateway& g, call_ptr c);             // patch.cpp
void remove(gateway& g, call_ptr c);            // remove.cpp
void remove_collection(gateway& g, call_ptr c); // remove.cpp

/// Several writes that happen together or not at all.
inline constexpr std::string_view transactions_path = "/troupe/v1/transactions";
void transact(gateway& g, call_ptr c); // transactions.cpp
/// The servers' own actors, by their names.
void ask_actors(gateway& g, call_ptr c); // company.cpp
inline constexpr std::string_view log_level_path = "/troupe/v1/loglevel";
void answer_log_level(call_ptr c); // log_level.cpp

/// What people ask about objects besides what they are: history, why.
void insight(gateway& g, call_ptr c);      // insight.cpp
void trace_object(gateway& g, call_ptr c); // trace.cpp
/// A list of these entries, in the form that was asked for.
http::response list_answer(const call& c, const std::vector<storage::entry_ptr>& entries,
                           uint64_t revision); // list.cpp

} // namespace troupe::gateway
