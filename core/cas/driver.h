// Which engine opens what: drivers, asked in the order of their registration.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/cas/engine.h"

namespace layoutfs {

// Immutable: any number of threads may use it at once.
class Driver {
 public:
  virtual ~Driver() = default;
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
