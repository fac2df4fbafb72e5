#include "net/dataplane/nft.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <optional>

namespace troupe::dataplane::nft {

namespace {

constexpr size_t list_bytes_max = 48 * 1024; // an attribute's length has 16 bits

uint16_t type_of(int message) { return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message); }

std::string header() {
  nfgenmsg head{NFPROTO_IPV4, NFNETLINK_V0, 0};
  return std::string(reinterpret_cast<const char*>(&head), sizeof head);
}

uint32_t number(reg r) { return NFT_REG32_00 + r; }

void put_value(netlink_batch& out, uint16_t attribute, std::string_view bytes) {
  auto data = out.open(attribute);
  out.put(NFTA_DATA_VALUE, bytes);
  out.close(data);
}

} // namespace

verdict verdict::go_to(std::string chain) { return {NFT_GOTO, std::move(chain)}; }
verdict verdict::accept() { return {NF_ACCEPT, {}}; }
verdict verdict::drop() { return {NF_DROP, {}}; }

size_t rule::begin(std::string_view expression) {
  element_ = out_.open(NFTA_LIST_ELEM);
  out_.put_text(NFTA_EXPR_NAME, expression);
  return data_ = out_.open(NFTA_EXPR_DATA);
}

rule& rule::end(size_t data) {
  out_.close(data);
  out_.close(element_);
  return *this;
}

static void put_payload(netlink_batch& out, reg to, uint32_t base, uint32_t offset,
                        uint32_t length) {
  out.put_be32(NFTA_PAYLOAD_DREG, number(to));
  out.put_be32(NFTA_PAYLOAD_BASE, base);
  out.put_be32(NFTA_PAYLOAD_OFFSET, offset);
  out.put_be32(NFTA_PAYLOAD_LEN, length);
}

rule& rule::load_source(reg to) {
  auto data = begin("payload");
  put_payload(out_, to, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
  return end(data);
}

rule& rule::load_destination(reg to) {
  auto data = begin("payload");
  put_payload(out_, to, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
  return end(data);
}

rule& rule::load_destination_port(reg to) {
  auto data = begin("payload");
  put_payload(out_, to, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  return end(data);
}

rule& rule::load_protocol(reg to) {
  auto data = begin("meta");
  out_.put_be32(NFTA_META_DREG, number(to));
  out_.put_be32(NFTA_META_KEY, NFT_META_L4PROTO);
  return end(data);
}

static void put_connection(netlink_batch& out, reg to, uint32_t key,
                           std::optional<uint8_t> direction = {}) {
  out.put_be32(NFTA_CT_DREG, number(to));
  out.put_be32(NFTA_CT_KEY, key);
  if (direction) out.put_u8(NFTA_CT_DIRECTION, *direction);
}

rule& rule::load_connection_status(reg to) {
  auto data = begin("ct");
  put_connection(out_, to, NFT_CT_STATUS);
  return end(data);
}

rule& rule::load_connection_state(reg to) {
  auto data = begin("ct");
  put_connection(out_, to, NFT_CT_STATE);
  return end(data);
}

rule& rule::load_original_source(reg to) {
  auto data = begin("ct");
  put_connection(out_, to, NFT_CT_SRC_IP, IP_CT_DIR_ORIGINAL);
  return end(data);
}

rule& rule::load_original_destination(reg to) {
  auto data = begin("ct");
  put_connection(out_, to, NFT_CT_DST_IP, IP_CT_DIR_ORIGINAL);
  return end(data);
}

rule& rule::load_original_port(reg to) {
  auto data = begin("ct");
  put_connection(out_, to, NFT_CT_PROTO_DST, IP_CT_DIR_ORIGINAL);
  return end(data);
}

rule& rule::load_random(reg to, uint32_t below) {
  auto data = begin("numgen");
  out_.put_be32(NFTA_NG_DREG, number(to));
  out_.put_be32(NFTA_NG_MODULUS, below);
  out_.put_be32(NFTA_NG_TYPE, NFT_NG_RANDOM);
  out_.put_be32(NFTA_NG_OFFSET, 0);
  return end(data);
}

rule& rule::mask(reg from, reg to, std::string_view mask) {
  auto data = begin("bitwise");
  out_.put_be32(NFTA_BITWISE_SREG, number(from));
  out_.put_be32(NFTA_BITWISE_DREG, number(to));
  out_.put_be32(NFTA_BITWISE_LEN, static_cast<uint32_t>(mask.size()));
  put_value(out_, NFTA_BITWISE_MASK, mask);
  put_value(out_, NFTA_BITWISE_XOR, std::string(mask.size(), '\0'));
  return end(data);
}

rule& rule::compare(reg what, comparison how, std::string_view with) {
  auto data = begin("cmp");
  out_.put_be32(NFTA_CMP_SREG, number(what));
  out_.put_be32(NFTA_CMP_OP, how == comparison::equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
  put_value(out_, NFTA_CMP_DATA, with);
  return end(data);
}

rule& rule::is_in(reg key, const std::string& set) {
  auto data = begin("lookup");
  out_.put_text(NFTA_LOOKUP_SET, set);
  out_.put_be32(NFTA_LOOKUP_SREG, number(key));
  return end(data);
}

rule& rule::find(reg key, const std::string& map, reg value) {
  auto data = begin("lookup");
  out_.put_text(NFTA_LOOKUP_SET, map);
  out_.put_be32(NFTA_LOOKUP_SREG, number(key));
  out_.put_be32(NFTA_LOOKUP_DREG, number(value));
  return end(data);
}

rule& rule::find_verdict(reg key, const std::string& map) {
  auto data = begin("lookup");
  out_.put_text(NFTA_LOOKUP_SET, map);
  out_.put_be32(NFTA_LOOKUP_SREG, number(key));
  out_.put_be32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
  return end(data);
}

static void put_verdict(netlink_batch& out, uint16_t attribute, const verdict& what) {
  auto data = out.open(attribute);
  auto inner = out.open(NFTA_DATA_VERDICT);
  out.put_be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(what.code));
  if (!what.chain.empty()) out.put_text(NFTA_VERDICT_CHAIN, what.chain);
  out.close(inner);
  out.close(data);
}

rule& rule::decide(const verdict& what) {
  auto data = begin("immediate");
  out_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  put_verdict(out_, NFTA_IMMEDIATE_DATA, what);
  return end(data);
}

rule& rule::remember(reg key, reg value, const std::string& map, uint64_t milliseconds) {
  auto data = begin("dynset");
  out_.put_text(NFTA_DYNSET_SET_NAME, map);
  out_.put_be32(NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
  out_.put_be32(NFTA_DYNSET_SREG_KEY, number(key));
  out_.put_be32(NFTA_DYNSET_SREG_DATA, number(value));
  out_.put_be64(NFTA_DYNSET_TIMEOUT, milliseconds);
  return end(data);
}

rule& rule::send_to(reg address, reg port) {
  auto data = begin("nat");
  out_.put_be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  out_.put_be32(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  out_.put_be32(NFTA_NAT_REG_ADDR_MIN, number(address));
  out_.put_be32(NFTA_NAT_REG_PROTO_MIN, number(port));
  return end(data);
}

rule& rule::masquerade() { return end(begin("masq")); }

rule& rule::reject_connection() {
  auto data = begin("reject");
  out_.put_be32(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
  out_.put_u8(NFTA_REJECT_ICMP_CODE, 0);
  return end(data);
}

rule& rule::reject_unreachable() {
  auto data = begin("reject");
  out_.put_be32(NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
  out_.put_u8(NFTA_REJECT_ICMP_CODE, 3); // port unreachable
  return end(data);
}

void transaction::make_table() {
  close_list();
  batch_.begin(type_of(NFT_MSG_NEWTABLE), NLM_F_CREATE, header(), "make the table " + table_);
  batch_.put_text(NFTA_TABLE_NAME, table_);
  batch_.end();
}

void transaction::remove_table() {
  close_list();
  batch_.begin(type_of(NFT_MSG_DELTABLE), 0, header(), "remove the table " + table_);
  batch_.put_text(NFTA_TABLE_NAME, table_);
  batch_.end();
}

void transaction::make_chain(const std::string& name) {
  close_list();
  batch_.begin(type_of(NFT_MSG_NEWCHAIN), NLM_F_CREATE, header(), "make the chain " + name);
  batch_.put_text(NFTA_CHAIN_TABLE, table_);
  batch_.put_text(NFTA_CHAIN_NAME, name);
  batch_.end();
}

void transaction::make_base_chain(const std::string& name, const char* type, hook at,
                                  int priority) {
  close_list();
  batch_.begin(type_of(NFT_MSG_NEWCHAIN), NLM_F_CREATE, header(), "make the chain " + name);
  batch_.put_text(NFTA_CHAIN_TABLE, table_);
  batch_.put_text(NFTA_CHAIN_NAME, name);
  auto hook = batch_.open(NFTA_CHAIN_HOOK);
  batch_.put_be32(NFTA_HOOK_HOOKNUM, static_cast<uint32_t>(at));
  batch_.put_be32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
  batch_.close(hook);
  batch_.put_text(NFTA_CHAIN_TYPE, type);
  batch_.put_be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
  batch_.end();
}

void transaction::make_nat_chain(const std::string& name, hook at, int priority) {
  make_base_chain(name, "nat", at, priority);
}

void transaction::make_filter_chain(const std::string& name, hook at, int priority) {
  make_base_chain(name, "filter", at, priority);
}

void transaction::add_rule(const std::string& chain, rule what) {
  close_list();
  batch_.begin(type_of(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND, header(),
               "add a rule to the chain " + chain);
  batch_.put_text(NFTA_RULE_TABLE, table_);
  batch_.put_text(NFTA_RULE_CHAIN, chain);
  auto expressions = batch_.open(NFTA_RULE_EXPRESSIONS);
  batch_.put_raw(what.out_.bytes());
  batch_.close(expressions);
  batch_.end();
}

void transaction::make_set(const std::string& name, const set_form& form) {
  close_list();
  uint32_t flags =
      (form.map ? NFT_SET_MAP : 0) | (form.dynamic ? NFT_SET_EVAL | NFT_SET_TIMEOUT : 0);
  batch_.begin(type_of(NFT_MSG_NEWSET), NLM_F_CREATE, header(), "make the set " + name);
  batch_.put_text(NFTA_SET_TABLE, table_);
  batch_.put_text(NFTA_SET_NAME, name);
  batch_.put_be32(NFTA_SET_FLAGS, flags);
  batch_.put_be32(NFTA_SET_KEY_TYPE, form.key_type);
  batch_.put_be32(NFTA_SET_KEY_LEN, form.key_bytes);
  if (form.map) {
    batch_.put_be32(NFTA_SET_DATA_TYPE, form.verdicts ? NFT_DATA_VERDICT : form.value_type);
    if (!form.verdicts) batch_.put_be32(NFTA_SET_DATA_LEN, form.value_bytes);
  }
  batch_.put_be32(NFTA_SET_ID, ++set_id_);
  batch_.end();
}

void transaction::begin_element(uint16_t message, const std::string& set, std::string_view key) {
  if (open_ &&
      (open_message_ != message || open_set_ != set || batch_.size() - list_ > list_bytes_max))
    close_list();
  if (!open_) {
    open_ = true;
    open_message_ = message;
    open_set_ = set;
    batch_.begin(type_of(message), message == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, header(),
                 "change the elements of " + set);
    batch_.put_text(NFTA_SET_ELEM_LIST_TABLE, table_);
    batch_.put_text(NFTA_SET_ELEM_LIST_SET, set);
    list_ = batch_.open(NFTA_SET_ELEM_LIST_ELEMENTS);
  }
  element_ = batch_.open(NFTA_LIST_ELEM);
  put_value(batch_, NFTA_SET_ELEM_KEY, key);
}

void transaction::end_element() { batch_.close(element_); }

void transaction::close_list() {
  if (!open_) return;
  batch_.close(list_);
  batch_.end();
  open_ = false;
}

void transaction::add(const std::string& set, std::string_view key) {
  begin_element(NFT_MSG_NEWSETELEM, set, key);
  end_element();
}

void transaction::add(const std::string& set, std::string_view key, std::string_view value) {
  begin_element(NFT_MSG_NEWSETELEM, set, key);
  put_value(batch_, NFTA_SET_ELEM_DATA, value);
  end_element();
}

void transaction::add(const std::string& set, std::string_view key, const verdict& value) {
  begin_element(NFT_MSG_NEWSETELEM, set, key);
  put_verdict(batch_, NFTA_SET_ELEM_DATA, value);
  end_element();
}

void transaction::remove(const std::string& set, std::string_view key) {
  begin_element(NFT_MSG_DELSETELEM, set, key);
  end_element();
}

netlink_batch transaction::take() {
  close_list();
  return std::exchange(batch_, {});
}

result<void> list_elements(netlink_socket& over, const std::string& table, const std::string& set,
                           const std::function<void(std::string_view, std::string_view)>& each) {
  netlink_batch ask;
  ask.begin(type_of(NFT_MSG_GETSETELEM), 0, header(), "list the elements of " + set);
  ask.put_text(NFTA_SET_ELEM_LIST_TABLE, table);
  ask.put_text(NFTA_SET_ELEM_LIST_SET, set);
  ask.end();
  auto value_in = [](std::string_view nested) {
    std::string_view out;
    walk_attributes(nested, [&](uint16_t type, std::string_view v) {
      if (type == NFTA_DATA_VALUE) out = v;
    });
    return out;
  };
  return over.ask(ask, true, [&](uint16_t, std::string_view bytes) {
    if (bytes.size() < sizeof(nfgenmsg)) return;
    walk_attributes(bytes.substr(sizeof(nfgenmsg)), [&](uint16_t type, std::string_view list) {
      if (type != NFTA_SET_ELEM_LIST_ELEMENTS) return;
      walk_attributes(list, [&](uint16_t, std::string_view element) {
        std::string_view key, value;
        walk_attributes(element, [&](uint16_t what, std::string_view v) {
          if (what == NFTA_SET_ELEM_KEY) key = value_in(v);
          if (what == NFTA_SET_ELEM_DATA) value = value_in(v);
        });
        each(key, value);
      });
    });
  });
}

bool table_exists(netlink_socket& over, const std::string& table) {
  netlink_batch ask;
  ask.begin(type_of(NFT_MSG_GETTABLE), 0, header(), "find the table " + table);
  ask.put_text(NFTA_TABLE_NAME, table);
  ask.end();
  return static_cast<bool>(over.ask(ask, false, [](uint16_t, std::string_view) {}));
}

} // namespace troupe::dataplane::nft
