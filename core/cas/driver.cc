#include "core/cas/driver.h"

#include <algorithm>

#include "core/cas/archive_reader.h"
#include "core/cas/dir_engine.h"

namespace layoutfs {

Result<std::shared_ptr<const Driver>> DriverRegistry::find(const std::string& uri) const {
  const auto found =
      std::ranges::find_if(drivers_, [&](const auto& driver) { return driver->supported(uri); });
  if (found != drivers_.end()) return *found;
  std::string kinds;
  for (const auto& driver : drivers_) kinds += (kinds.empty() ? "" : " or ") + driver->kind().name;
  return fail(Errc::unsupported, uri + ": not a layout of a known kind (" + kinds + ")");
}

bool DriverRegistry::is_layout(const std::string& path) const {
  return std::ranges::any_of(drivers_, [&](const auto& driver) { return driver->is_layout(path); });
}

bool DriverRegistry::supported(const std::string& uri) const {
  return std::ranges::any_of(drivers_, [&](const auto& driver) { return driver->supported(uri); });
}

std::string_view DriverRegistry::prefix_of(std::string_view argument) const {
  for (const auto& driver : drivers_)
    for (const std::string& prefix : driver->kind().prefixes)
      if (argument.starts_with(prefix)) return prefix;
  return {};
}

Result<std::unique_ptr<LayoutReader>> DriverRegistry::open_reader(const std::string& uri) const {
  const auto driver = find(uri);
  if (!driver) return fail(Error(driver.error()));
  return (*driver)->open_reader(uri);
}

Result<std::unique_ptr<Engine>> DriverRegistry::open_engine(const std::string& uri) const {
  const auto driver = find(uri);
  if (!driver) return fail(Error(driver.error()));
  return (*driver)->open_engine(uri);
}

Status DriverRegistry::create(const std::string& uri) const {
  const auto driver = find(uri);
  if (!driver) return fail(Error(driver.error()));
  return (*driver)->create(uri);
}

Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& path, const DirOptions& options) {
  return builtin_drivers(options).open_reader(path);
}

Result<std::unique_ptr<Engine>> open_engine(const std::string& path, const DirOptions& options) {
  return builtin_drivers(options).open_engine(path);
}

DriverRegistry builtin_drivers() { return builtin_drivers({}); }

DriverRegistry builtin_drivers(const DirOptions& options) {
  DriverRegistry drivers;
  drivers.add(dir_driver(options));
  drivers.add(archive_driver());
  return drivers;
}

}  // namespace layoutfs
