#include "bin/cluster/plan.hpp"

#include "messages/base/json.hpp"
#include "messages/base/names.hpp"

#include <algorithm>

namespace troupe::clusters {

namespace {

constexpr uint16_t api_port = 6443, link_port = 6444;
constexpr unsigned first_server = 10, first_agent = 100; // the last byte of their addresses

std::string address_of(const book& b, unsigned last) {
  return "10.89." + std::to_string(b.number) + "." + std::to_string(last);
}

std::string at_port(const std::string& host, uint16_t port) {
  return host + ":" + std::to_string(port);
}

member make(member::kind what, unsigned number, const book& b, const places& at) {
  bool agent = what == member::kind::agent;
  member m;
  m.what = what;
  m.number = number;
  m.name = (agent ? "agent-" : "server-") + std::to_string(number);
  m.address = address_of(b, (agent ? first_agent : first_server) + number);
  m.space = "troupe-" + b.name + "-" + m.name;
  m.port = bridge_of(b) + (agent ? "-a" : "-s") + std::to_string(number); // at most 15 characters
  m.data = at.of(b) / m.name;
  m.run = at.run / b.name / m.name;
  m.log = at.of(b) / "log" / (m.name + ".log");
  return m;
}

} // namespace

std::string book::text() const {
  return json::write(json::object{{"name", name},
                                  {"number", number},
                                  {"servers", servers},
                                  {"agents", agents},
                                  {"port", port}});
}

result<book> book::parse(const std::string& text) {
  auto read = json::parse(text);
  if (!read) return read.error();
  book out;
  out.name = json::string_at(*read, {"name"});
  auto number = [&](const char* key) -> int64_t {
    auto v = json::find(*read, key);
    return v && v->is_int64() ? v->get_int64() : -1;
  };
  out.number = static_cast<unsigned>(number("number"));
  out.servers = static_cast<unsigned>(number("servers"));
  out.agents = static_cast<unsigned>(number("agents"));
  out.port = static_cast<uint16_t>(number("port"));
  if (auto good = check(out); !good) return good.error();
  return out;
}

result<void> check_name(const std::string& name) {
  if (name.size() > name_size_max || !names::dns_label(name).empty())
    return error{errc::bad_request,
                 "\"" + name +
                     "\" cannot be the name of a cluster: write small letters, digits "
                     "and dashes, at most " +
                     std::to_string(name_size_max)};
  return {};
}

result<void> check(const book& b) {
  if (auto good = check_name(b.name); !good) return good;
  if (b.servers < 1 || b.servers > servers_max)
    return error{errc::bad_request, "a cluster has 1 to " + std::to_string(servers_max) +
                                        " servers; an odd number is best"};
  if (b.agents > agents_max)
    return error{errc::bad_request,
                 "a cluster has at most " + std::to_string(agents_max) + " agents"};
  if (b.number < 1 || b.number > numbers_max)
    return error{errc::corrupt, "the cluster's number is not one of 1 to 250"};
  return {};
}

std::string bridge_of(const book& b) { return "trc" + std::to_string(b.number); }
std::string gateway_of(const book& b) { return address_of(b, 1); }
std::string network_of(const book& b) { return address_of(b, 0) + "/24"; }
std::string way_out_of(unsigned number) { return "troupe-way-out-" + std::to_string(number); }
std::string api_url(const book& b) { return "https://" + at_port("127.0.0.1", b.port); }

std::vector<member> members_of(const book& b, const places& at) {
  std::vector<member> out;
  for (unsigned i = 1; i <= b.servers; ++i) out.push_back(make(member::kind::server, i, b, at));
  for (unsigned i = 1; i <= b.agents; ++i) out.push_back(make(member::kind::agent, i, b, at));
  return out;
}

std::vector<std::string> command_of(const member& m, const book& b, const places& at) {
  if (m.what == member::kind::agent)
    return {"agent",
            "--name",
            m.name,
            "--ip",
            m.address,
            "--data",
            m.data,
            "--run",
            m.run,
            "--images",
            (m.data / "images").string()};
  std::vector<std::string> out{"server",
                               "--data",
                               m.data,
                               "--port",
                               std::to_string(api_port),
                               "--advertise",
                               m.address,
                               "--id",
                               std::to_string(m.number)};
  if (b.servers == 1) return out;
  for (auto& other : members_of(b, at)) {
    if (other.what != member::kind::server) continue;
    out.push_back("--server");
    out.push_back(std::to_string(other.number) + "=" + at_port(other.address, link_port));
  }
  return out;
}

std::vector<std::string> relay_command(const book& b, const places& at) {
  std::vector<std::string> out{"relay", "--listen", at_port("127.0.0.1", b.port)};
  for (auto& m : members_of(b, at)) {
    if (m.what != member::kind::server) continue;
    out.push_back("--to");
    out.push_back(at_port(m.address, api_port));
  }
  return out;
}

std::vector<std::string> links_of(const book& b, const places& at) {
  std::vector<std::string> out;
  for (auto& m : members_of(b, at))
    if (m.what == member::kind::server) out.push_back(at_port(m.address, link_port));
  return out;
}

result<unsigned> free_number(const std::string& name, const std::vector<unsigned>& taken) {
  unsigned sum = 0;
  for (unsigned char c : name) sum = sum * 31 + c;
  for (unsigned i = 0; i < numbers_max; ++i) {
    auto number = (sum + i) % numbers_max + 1;
    if (std::find(taken.begin(), taken.end(), number) == taken.end()) return number;
  }
  return error{errc::unavailable, "there are 250 clusters on this machine: delete one first"};
}

} // namespace troupe::clusters
