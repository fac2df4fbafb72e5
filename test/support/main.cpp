// The entry point of every unit-test program.
#define BOOST_TEST_MODULE troupe
#include <boost/test/unit_test.hpp>
