// Kinds of layouts, each with a driver. Drivers are asked in the order of their registration.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/engine.h"

namespace layoutfs {

// The names of a kind of layout.
struct LayoutKind {
  std::string name;                   // in messages: "directory"
  std::vector<std::string> prefixes;  // allowed before a path in an argument: "oci:"
};

// A kind of layout. Immutable. Thread-safe.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual const LayoutKind& kind() const noexcept = 0;
  // Returns whether a layout of this kind is at `path`. Checks only as much as necessary: opening it may
  // still fail.
  virtual bool is_layout(const std::string& path) const = 0;
  // Returns whether this driver handles `uri`. Not a validation: the driver that would create or diagnose a
  // missing or broken layout supports it, too.
  virtual bool supported(const std::string& uri) const = 0;
  // Both open an existing layout and create nothing. open_engine() of a driver that cannot write returns
  // Errc::io with EROFS.
  virtual Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& uri) const = 0;
  virtual Result<std::unique_ptr<Engine>> open_engine(const std::string& uri) const = 0;
  // Creates an empty layout at a path that does not exist. Errc::already_exists if it exists. Errc::io.
  virtual Status create(const std::string& uri) const = 0;
};

// A value: each user of layouts has its own, there is no global registry.
class DriverRegistry {
 public:
  // Drivers that were added earlier take precedence.
  void add(std::shared_ptr<const Driver> driver) { drivers_.push_back(std::move(driver)); }
  // Returns whether a layout of any kind is at `path`.
  bool is_layout(const std::string& path) const;
  // Returns whether a driver supports `uri`. If none does, it cannot be a layout.
  bool supported(const std::string& uri) const;
  // Returns the prefix of a kind of layout at the start of `argument`, "" if there is none. The path after it
  // may be a layout of any kind.
  std::string_view prefix_of(std::string_view argument) const;
  // Opens `uri` with the first driver that supports it; its error is final. Errc::unsupported if no driver
  // does.
  Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& uri) const;
  Result<std::unique_ptr<Engine>> open_engine(const std::string& uri) const;
  Status create(const std::string& uri) const;

 private:
  Result<std::shared_ptr<const Driver>> find(const std::string& uri) const;
  std::vector<std::shared_ptr<const Driver>> drivers_;
};

struct DirOptions;

// Returns all drivers: `dir` (dir_engine.h), then `archive` (archive_reader.h).
DriverRegistry builtin_drivers();
DriverRegistry builtin_drivers(const DirOptions& options);

}  // namespace layoutfs
