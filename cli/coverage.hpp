#pragma once

#include "scenarios/campaign.hpp"
#include "viz/state_graph.hpp"

namespace orrery::cli {

/// The run, with the ways that its journeys took counted among its `sometimes`, whose counts a campaign sums over its workers.
[[nodiscard]] RunFunction counting_ways(RunFunction run);

/// Takes what counting_ways() counted out of a campaign's result.
[[nodiscard]] viz::GraphCoverage take_ways(CampaignResult& result);

}  // namespace orrery::cli
