#include "cli/cli.hpp"

int main(int argc, char** argv) { return orrery::cli::run(argc, argv, orrery::built_in_catalog()); }
