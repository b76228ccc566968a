#include "faults/nemesis.hpp"

#include "runtime/check.hpp"

namespace orrery {

std::vector<std::string> Nemesis::unsupported(const std::vector<Fault>& faults) const {
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const std::string why = controls_.unsupported(faults[i]);
    if (!why.empty()) reasons.push_back("faults[" + std::to_string(i) + "]: " + to_string(faults[i]) + ": " + why);
  }
  return reasons;
}

void Nemesis::begin(const FaultRates& rates, std::vector<Fault> faults) {
  CHECK(!healed_, "the faults are over");
  const std::size_t earlier = timed_.size();
  std::erase_if(faults, [&](const Fault& fault) { return !controls_.unsupported(fault).empty(); });
  std::vector<Fault> armed;
  for (Fault& fault : faults) {
    if (fault.ordinal > 0) {
      armed.push_back(std::move(fault));
    } else {
      timed_.push_back({std::move(fault)});
    }
  }
  controls_.set_rates(rates);
  controls_.arm(armed);
  for (std::size_t i = earlier; i < timed_.size(); ++i) {
    at_(timed_[i].fault.at, timed_[i].fault, [this, i] {
      if (healed_) return;
      timed_[i].begun = true;
      controls_.inject(timed_[i].fault);
    });
  }
}

void Nemesis::heal() {
  healed_ = true;
  controls_.heal();
}

std::vector<Fault> Nemesis::not_begun() const {
  std::vector<Fault> faults;
  for (const Timed& timed : timed_) {
    if (!timed.begun) faults.push_back(timed.fault);
  }
  return faults;
}

}  // namespace orrery
