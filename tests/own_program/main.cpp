#include "cli/cli.hpp"
#include "tests/own_program/fragile.hpp"
#include "tests/own_program/numbers.hpp"
#include "tests/scenarios/toy.hpp"

int main(int argc, char** argv) {
  return orrery::cli::run(argc, argv, {{orrery::toy::additions(), orrery::fragile::ticks(), orrery::numbers::numbers()}});
}
