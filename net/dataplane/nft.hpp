// The words of nf_tables, as far as we speak it: a transaction of tables, chains, rules, sets and
// their elements, built as netlink messages. It knows the kernel's forms and nothing of services.
#pragma once

#include "net/dataplane/netlink.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::dataplane::nft {

/// A register of four bytes, 0 to 15. What is longer takes several in a row.
using reg = uint32_t;

enum class hook : uint32_t { prerouting = 0, input = 1, forward = 2, output = 3, postrouting = 4 };
enum class comparison : uint32_t { equal = 0, not_equal = 1 };

/// What happens to a packet: a verdict of the kernel or a chain to go to.
struct verdict {
  int32_t code = 0;
  std::string chain;

  static verdict go_to(std::string chain);
  static verdict drop();
  static verdict accept();
};

/// The expressions of one rule, in the order in which a packet meets them. A lookup without a hit
/// and a comparison that fails end the rule for the packet.
class rule {
public:
  rule& load_source(reg to); ///< IPv4 addresses, 4 bytes
  rule& load_destination(reg to);
  rule& load_protocol(reg to);         ///< of the transport layer
  rule& load_destination_port(reg to); ///< of TCP, UDP, SCTP
  rule& load_connection_status(reg to);
  rule& load_connection_state(reg to);
  // What the client asked for, before the address was translated.
  rule& load_original_source(reg to);
  rule& load_original_destination(reg to);
  rule& load_original_port(reg to);
  rule& load_random(reg to, uint32_t below);
  rule& mask(reg from, reg to, std::string_view mask); ///< of 4 bytes
  rule& swap_bytes(reg from, reg to, uint32_t bytes);  ///< of each word of 4 bytes
  rule& compare(reg what, comparison how, std::string_view with);
  rule& is_in(reg key, const std::string& set);
  rule& find(reg key, const std::string& map, reg value);
  rule& find_verdict(reg key, const std::string& map);
  rule& decide(const verdict& what);
  /// Notes key and value in a dynamic map for so long.
  rule& remember(reg key, reg value, const std::string& map, uint64_t milliseconds);
  rule& send_to(reg address, reg port); ///< destination NAT
  rule& masquerade();
  rule& reject_connection();  ///< TCP reset
  rule& reject_unreachable(); ///< ICMP port unreachable

private:
  friend class transaction;
  size_t begin(std::string_view expression);
  rule& end(size_t marks);

  netlink_batch out_;
  size_t element_ = 0, data_ = 0;
};

struct set_form {
  uint32_t key_type = 0; ///< how `nft list` shows it
  uint32_t key_bytes = 0;
  bool map = false;
  bool verdicts = false; ///< a map to verdicts; else to values
  uint32_t value_type = 0;
  uint32_t value_bytes = 0;
  bool dynamic = false; ///< filled by rules, each element with a time of its own
};

// Types as the nft program numbers them; several make a concatenation.
inline constexpr uint32_t type_mark = 19, type_address = 7, type_protocol = 12, type_port = 13;
constexpr uint32_t concatenation(std::initializer_list<uint32_t> types) {
  uint32_t out = 0;
  for (auto t : types) out = out << 6 | t;
  return out;
}

/// All or nothing, of one table of family IPv4.
class transaction {
public:
  explicit transaction(std::string table) : table_{std::move(table)} {}

  void make_table();
  void remove_table();
  void make_chain(const std::string& name);
  void make_nat_chain(const std::string& name, hook at, int priority);
  void make_filter_chain(const std::string& name, hook at, int priority);
  void add_rule(const std::string& chain, rule what);
  void make_set(const std::string& name, const set_form& form);

  void add(const std::string& set, std::string_view key);
  void add(const std::string& set, std::string_view key, std::string_view value);
  void add(const std::string& set, std::string_view key, const verdict& value);
  void remove(const std::string& set, std::string_view key);

  bool empty() const { return batch_.empty() && !open_; }
  size_t size() const { return batch_.size(); }
  /// The messages; the transaction is empty afterwards.
  netlink_batch take();

private:
  void make_base_chain(const std::string& name, const char* type, hook at, int priority);
  void begin_element(uint16_t message, const std::string& set, std::string_view key);
  void end_element();
  void close_list();

  std::string table_;
  netlink_batch batch_;
  bool open_ = false; ///< a list of elements is being written
  uint16_t open_message_ = 0;
  std::string open_set_;
  size_t list_ = 0, element_ = 0;
  uint32_t set_id_ = 0;
};

/// Calls `each(key, value)` for every element of a set; the value is empty where there is none.
result<void> list_elements(netlink_socket& over, const std::string& table, const std::string& set,
                           const std::function<void(std::string_view, std::string_view)>& each);
/// Whether the table is there.
bool table_exists(netlink_socket& over, const std::string& table);

} // namespace troupe::dataplane::nft
