// What users want of the cluster, drawn from a seed before it begins: workloads made, scaled,
// rolled, paused and deleted, machines emptied, quotas moved, claims made, the important summoned.
// The wishes do not depend on what becomes of them, so that two histories of one seed must come to
// the same end.
#pragma once

#include "test/sim/company/company.hpp"
#include "test/sim/company/rules.hpp"

#include <random>

namespace troupe::sim {

struct step_of_user {
  nanoseconds at;
  std::string text;
  std::function<void(company&, rules&)> act;
};

class workload {
public:
  /// Wishes within this time; `machines` are there.
  workload(uint64_t seed, nanoseconds time, size_t machines);

  const std::vector<step_of_user>& steps() const { return steps_; }
  /// Takes back what keeps anything from coming to an end.
  static void relent(company& c, rules& r);
  /// Lets no more time come due, so that all falls silent.
  static void stop_clockwork(company& c);

private:
  using message = google::protobuf::Message;
  uint64_t pick(uint64_t below) { return random_() % below; }
  bool chance(double p) { return std::uniform_real_distribution<>{}(random_) < p; }

  void add(std::string text, std::function<void(company&, rules&)> act);
  void create(const schema::kind& kind, const std::string& ns, const std::string& name,
              std::string yaml);
  void change(const schema::kind& kind, const std::string& ns, const std::string& name,
              std::string text, std::function<void(message&)> how);

  std::string pod_template(const std::string& app, const std::string& more_notes = {},
                           const std::string& more_spec = {});
  void create_deployment(const std::string& ns, const std::string& name);
  void create_stateful_set(const std::string& name);
  void create_daemon_set();
  void create_job();
  void create_budgets();
  void put_quota();
  void random_step();
  void change_deployment();
  void change_stateful_set();
  void change_daemon_set();
  void disturb_pod();
  void empty_machine();
  void move_space();
  void create_cron_job(const std::string& name);
  void change_cron_job();
  std::string scratch_space();
  void create_stored_set();
  void change_stored_set();
  void create_sharers();
  void change_sharers();
  void create_storage();
  void create_volume(int number);
  void create_claim(int number);
  void change_storage();
  void create_ranks();
  void summon_important();
  void move_partition(const std::string& set);
  static void put_partition(message& set, int partition);
  static void relent_kinds(company& c);

  static constexpr int important_max = 2;
  /// As many of those who have volumes find room on one machine, whoever else there is.
  static constexpr int stored_max = 3, sharers_max = 2;

  std::mt19937_64 random_;
  nanoseconds now_{0};
  size_t machines_;
  int versions_ = 0, jobs_ = 0, summoned_ = 0;
  std::vector<step_of_user> steps_;
};

} // namespace troupe::sim
