// The library in one include: connect to a cluster, read and write its objects, hear their changes,
// run controllers of one's own, and test them. docs/library.md shows how.
#pragma once

#include "actors/client/cluster.hpp"
#include "actors/client/controller.hpp"
#include "actors/client/subscription.hpp"
#include "actors/client/test_cluster.hpp"
