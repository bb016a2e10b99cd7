// The kinds of layout that exist: drivers, asked in the order of their registration.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/engine.h"

namespace layoutfs {

// Words for a kind of layout.
struct LayoutKind {
  std::string name;                   // as errors call one: "directory"
  std::vector<std::string> prefixes;  // that may stand before a path in an argument: "oci:"
};

// A kind of layout. Immutable: any number of threads may use it at once.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual const LayoutKind& kind() const noexcept = 0;
  // Returns whether a layout of this kind is at `path`. Looks at no more than it takes to tell: opening it
  // may still find it broken.
  virtual bool is_layout(const std::string& path) const = 0;
  // Whether this driver is the one for `uri`. That is no validation: what is not there, or is broken, is
  // supported by the driver that would make it, or say what is wrong.
  virtual bool supported(const std::string& uri) const = 0;
  // Both open what exists, and make nothing. open_engine() of a driver that cannot write: Errc::io and EROFS.
  virtual Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& uri) const = 0;
  virtual Result<std::unique_ptr<Engine>> open_engine(const std::string& uri) const = 0;
  // Makes an empty layout where nothing is yet. Errc::already_exists, Errc::io.
  virtual Status create(const std::string& uri) const = 0;
};

// A value: whoever opens layouts has one, there is none that all share.
class DriverRegistry {
 public:
  // A driver that is added earlier wins.
  void add(std::shared_ptr<const Driver> driver) { drivers_.push_back(std::move(driver)); }
  // Returns whether a layout of any kind is at `path`.
  bool is_layout(const std::string& path) const;
  // Returns whether a driver supports `uri`: if none does, no layout can be there.
  bool supported(const std::string& uri) const;
  // The prefix of a kind of layout that `argument` begins with; empty if there is none. The path behind it
  // may be a layout of any kind.
  std::string_view prefix_of(std::string_view argument) const;
  // By the first driver that supports `uri`; its error is final. Errc::unsupported where none does.
  Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& uri) const;
  Result<std::unique_ptr<Engine>> open_engine(const std::string& uri) const;
  Status create(const std::string& uri) const;

 private:
  Result<std::shared_ptr<const Driver>> find(const std::string& uri) const;
  std::vector<std::shared_ptr<const Driver>> drivers_;
};

struct DirOptions;

// `dir` (dir_engine.h), then `archive` (archive_reader.h): every kind of layout that there is.
DriverRegistry builtin_drivers();
DriverRegistry builtin_drivers(const DirOptions& options);

}  // namespace layoutfs
