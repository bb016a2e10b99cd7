// An image layout that is written into a new tar, as open_archive() (archive_reader.h) reads it.
#pragma once

#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/cas/engine.h"

namespace layoutfs {

// Nobody sees the archive before finish(); until then it is a file without its name beside it, which goes
// with this. As an engine it has everything but uploads, deleting (Errc::unsupported), and blobs of a size
// that PutOptions does not say (Errc::invalid_argument). Blobs are written at their places at the same time.
class ArchiveWriter : public Engine {
 public:
  // Writes the references, waits for the disk, and gives the archive its name. Errc::already_exists where
  // something has it; Errc::failed_precondition after a blob could not be written whole, for its place in
  // the archive stays empty. Errc::closed from then on, for everything.
  virtual Status finish() = 0;
};

// Errc::already_exists where anything is at `path`; Errc::not_found where its directory is not there.
Result<std::unique_ptr<ArchiveWriter>> create_archive(const std::string& path);

}  // namespace layoutfs
