#include "sim/mailbox.hpp"

#include <utility>

namespace orrery::sim {

class DatagramPacket final : public Packet {
 public:
  DatagramPacket(Mailbox& to, const Datagram& datagram) : mailbox_(to), datagram_(datagram) {}
  void arrive() override { mailbox_.put(datagram_); }
  void lost(Loss) override {}
  [[nodiscard]] std::unique_ptr<Packet> duplicate() const override {
    return std::make_unique<DatagramPacket>(mailbox_, datagram_);
  }
  [[nodiscard]] std::string describe() const override { return "datagram"; }

 private:
  Mailbox& mailbox_;
  Datagram datagram_;
};

void Mailbox::send(Mailbox& to, const Datagram& datagram) {
  network_.send(host_, to.host_, std::make_unique<DatagramPacket>(to, datagram));
}

void Mailbox::put(const Datagram& datagram) {
  if (received_) {
    more_.push_back(datagram);
    return;
  }
  received_ = datagram;
  if (waiter_.is_waiting()) waiter_.wake();
}

Datagram Mailbox::take() {
  const Datagram datagram = *received_;
  received_.reset();
  if (!more_.empty()) {
    received_ = more_.front();
    more_.pop_front();
  }
  // The wake that this datagram caused has been used up by whoever takes it.
  (void)waiter_.wait().await_resume();
  return datagram;
}

}  // namespace orrery::sim
