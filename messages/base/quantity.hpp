// Kubernetes quantities ("100m", "1.5Gi", "12e6"): exact arithmetic in integers and one canonical
// form.
#pragma once

#include "messages/base/error.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// An amount in units of 10^-9, with the family of suffixes that it is written in. Finer amounts
/// are rounded away from zero and amounts beyond 2^63-1 are capped, as Kubernetes does.
class quantity {
public:
  enum class format : uint8_t { decimal_si, binary_si, decimal_exponent };

  constexpr quantity() = default;
  static constexpr quantity of(int64_t units, format written = format::decimal_si) {
    return quantity(static_cast<__int128>(units) * nano, written);
  }
  static constexpr quantity of_milli(int64_t thousandths, format written = format::decimal_si) {
    return quantity(static_cast<__int128>(thousandths) * (nano / 1000), written);
  }

  /// Reads any form that Kubernetes accepts.
  static result<quantity> parse(std::string_view text);

  /// The canonical form: no fraction, the largest suffix that keeps the amount exact.
  std::string text() const;

  /// Whole units and thousandths, rounded up.
  int64_t value() const { return scaled(nano); }
  int64_t milli_value() const { return scaled(nano / 1000); }
  bool zero() const { return nanos_ == 0; }
  bool negative() const { return nanos_ < 0; }
  /// Whether it is a whole number of units.
  bool whole() const { return nanos_ % nano == 0; }
  /// The same amount without what is finer than a thousandth, rounded away from zero.
  quantity rounded_up_to_milli() const {
    auto rest = nanos_ % (nano / 1000);
    if (rest == 0) return *this;
    return quantity(nanos_ - rest + (nanos_ > 0 ? nano / 1000 : -nano / 1000), format_);
  }
  double approximate() const { return static_cast<double>(nanos_) / nano; }

  quantity& operator+=(quantity other) {
    nanos_ += other.nanos_;
    return *this;
  }
  quantity& operator-=(quantity other) {
    nanos_ -= other.nanos_;
    return *this;
  }
  friend quantity operator+(quantity a, quantity b) { return a += b; }
  friend quantity operator-(quantity a, quantity b) { return a -= b; }
  friend bool operator==(quantity a, quantity b) { return a.nanos_ == b.nanos_; }
  friend std::strong_ordering operator<=>(quantity a, quantity b) {
    return a.nanos_ < b.nanos_   ? std::strong_ordering::less
           : a.nanos_ > b.nanos_ ? std::strong_ordering::greater
                                 : std::strong_ordering::equal;
  }

private:
  static constexpr int64_t nano = 1'000'000'000;

  constexpr quantity(__int128 nanos, format written) : nanos_{nanos}, format_{written} {}
  int64_t scaled(int64_t unit) const;

  __int128 nanos_ = 0;
  format format_ = format::decimal_si;
};

} // namespace troupe
