// How fast a typical pod is read and written, beside Boost.JSON on the same bytes in the same run;
// and what a quantity costs. Bars: decode and encode no slower than Boost.JSON, protobuf at least
// five times faster than JSON, quantities under 50 ns.
#include "messages/api/pod.pb.h"
#include "messages/base/quantity.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/yaml.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/validate.hpp"

#include <google/protobuf/arena.h>

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <vector>

using namespace troupe;

namespace {

/// Keeps the optimiser from dropping what nobody reads.
template<class T> void use(T&& value) { asm volatile("" : : "g"(&value) : "memory"); }

double cpu_nanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// CPU nanoseconds that one call of each takes: a low quantile of many short rounds, in turn, so
/// that neighbours on the machine matter little, and a core that changes its speed is fair to all.
class costs {
public:
  explicit costs(std::vector<std::function<void()>> calls) {
    for (auto& call : calls) {
      timed(call, 3);
      auto times = std::max(1, static_cast<int>(1e6 / std::max(timed(call, 3), 1.0)));
      all_.push_back({std::move(call), times, {}});
    }
    for (int i = 0; i < rounds; ++i)
      for (auto& each : all_) each.seen.push_back(timed(each.call, each.times));
    for (auto& each : all_)
      std::nth_element(each.seen.begin(), each.seen.begin() + quantile, each.seen.end());
  }

  double operator[](size_t which) const { return all_[which].seen[quantile]; }

private:
  static constexpr int rounds = 81, quantile = 16;

  struct measured {
    std::function<void()> call;
    int times;
    std::vector<double> seen;
  };

  static double timed(const std::function<void()>& call, int times) {
    auto start = cpu_nanos();
    for (int i = 0; i < times; ++i) call();
    return (cpu_nanos() - start) / times;
  }

  std::vector<measured> all_;
};

/// Of one call that has nothing to be compared with.
double cost(std::function<void()> call) { return costs({std::move(call)})[0]; }

void line(const char* what, double nanos, size_t bytes) {
  printf("%-44s %10.0f ns", what, nanos);
  if (bytes) printf("  %8.0f MB/s", static_cast<double>(bytes) * 1e3 / nanos);
  printf("\n");
}

void bar(const char* what, double have, double most) {
  printf("  %-42s %10.2f   bar %5.2f   %s\n", what, have, most, have <= most ? "held" : "MISSED");
}

} // namespace

int main(int argc, char** argv) {
  std::ifstream in(argc > 1 ? argv[1] : TROUPE_POD, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  k8s::core::v1::Pod pod;
  if (text.empty() || !codec::from_json(text, pod))
    return fprintf(stderr, "cannot read the pod\n"), 1;
  auto dom = boost::json::parse(text);
  auto bytes = codec::to_wire(pod);
  auto envelope = codec::seal_envelope("v1", "Pod", bytes);
  auto& type = schema::of<k8s::core::v1::Pod>();
  printf("one pod: %zu bytes of JSON, %zu of protobuf\n\n", text.size(), envelope.size());

  // The buffer is used again and again, as a connection's would be.
  std::vector<char> block(64 * 1024);
  google::protobuf::ArenaOptions in_block;
  in_block.initial_block = block.data();
  in_block.initial_block_size = block.size();
  auto pod_in = [](google::protobuf::Arena& arena) {
    return google::protobuf::Arena::CreateMessage<k8s::core::v1::Pod>(&arena);
  };
  auto parse_into = [&](k8s::core::v1::Pod& p) {
    auto opened = codec::open_envelope(envelope);
    use(p.ParseFromArray(opened->raw.data(), static_cast<int>(opened->raw.size())));
  };
  const costs reading({
      [&] { use(boost::json::parse(text)); },
      [&] {
        std::string wire;
        use(codec::json_to_wire(type, text, wire));
      },
      [&] {
        k8s::core::v1::Pod p;
        use(codec::from_json(text, p));
      },
      [&] {
        google::protobuf::Arena arena(in_block);
        use(codec::from_json(text, *pod_in(arena)));
      },
      [&] {
        k8s::core::v1::Pod p;
        parse_into(p);
      },
      [&] {
        google::protobuf::Arena arena(in_block);
        parse_into(*pod_in(arena));
      },
      [&] { use(codec::open_envelope(envelope)); },
  });
  const double boost_parse = reading[0], to_wire = reading[1], decode = reading[2],
               arena_decode = reading[3], protobuf = reading[4], arena_protobuf = reading[5],
               opened = reading[6];
  const costs writing({
      [&] { use(boost::json::serialize(dom)); },
      [&] {
        std::string out;
        codec::wire_to_json(type, bytes, {"v1", "Pod", {}}, out);
        use(out);
      },
      [&] {
        use(codec::to_json(pod, {"v1", "Pod", {}}));
      },
  });
  const double boost_serialize = writing[0], wire_out = writing[1], encode = writing[2];
  auto yaml = yaml::from_json(text);
  auto yaml_read = cost([&] { use(yaml::to_json(*yaml)); });
  auto defaults = cost([&] { schema::set_defaults(pod); });
  auto validate = cost([&] { use(schema::validate_create(pod)); });

  line("Boost.JSON parse to a DOM", boost_parse, text.size());
  line("JSON to wire, unknown fields found", to_wire, text.size());
  line("JSON to the typed object", decode, text.size());
  line("JSON to the typed object in an arena", arena_decode, text.size());
  line("Boost.JSON serialize a DOM", boost_serialize, text.size());
  line("wire to JSON", wire_out, text.size());
  line("typed object to JSON", encode, text.size());
  line("protobuf envelope to the typed object", protobuf, envelope.size());
  line("protobuf envelope to the typed object in an arena", arena_protobuf, envelope.size());
  line("protobuf envelope to the stored bytes", opened, 0);
  line("YAML to JSON", yaml_read, yaml->size());
  line("defaults of a complete pod", defaults, 0);
  line("validation of a pod", validate, 0);

  auto a = *quantity::parse("250m"), b = *quantity::parse("512Mi");
  auto add = cost([&] {
               for (int i = 0; i < 100; ++i) use(a += b), use(a -= b);
             }) /
             200;
  auto compare = cost([&] {
                   for (int i = 0; i < 100; ++i) use(a < b);
                 }) /
                 100;
  auto parse = cost([&] { use(quantity::parse("512Mi")); });
  line("quantity: add", add, 0);
  line("quantity: compare", compare, 0);
  line("quantity: parse", parse, 0);

  printf("\n");
  bar("decode / Boost.JSON parse", decode / boost_parse, 1);
  bar("decode in an arena / Boost.JSON parse", arena_decode / boost_parse, 1);
  bar("decode to stored bytes / Boost.JSON parse", to_wire / boost_parse, 1);
  bar("encode a typed object / Boost.JSON serialize", encode / boost_serialize, 1);
  bar("encode stored bytes / Boost.JSON serialize", wire_out / boost_serialize, 1);
  bar("protobuf / JSON, to the typed object", protobuf / decode, 0.2);
  bar("protobuf / JSON, both in an arena", arena_protobuf / arena_decode, 0.2);
  bar("protobuf / JSON, to the stored bytes", opened / to_wire, 0.2);
  bar("quantity add, ns", add, 50);
  bar("quantity compare, ns", compare, 50);
}
