// Who plays on the servers: asks each actor how long its mailbox takes, and tells one to look at
// everything again.
#include "example.hpp"

using namespace example;

int main() {
  auto here = connect();
  auto all = need(here.actors());
  bool deployment = false;
  for (auto& name : all) deployment = deployment || name == "controller/deployment";
  printf("%s\n", deployment ? "the deployment controller is there" : "nobody is there");
  auto card = need(here.ask("controller/deployment"));
  auto answers = json::find(card, "answers");
  printf("it %s\n", answers && answers->is_bool() && answers->get_bool() ? "answers" : "is silent");
  need(here.tell("controller/deployment", "resync"));
  puts("and looks at everything again");
}
