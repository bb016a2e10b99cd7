// The destination of `layoutfs copy`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/copy.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/open.h"
#include "tools/cli/copy_source.h"
#include "tools/cli/remote.h"

namespace layoutfs::tools {

// The prefix of an archive.
inline constexpr std::string_view kArchivePrefix = "oci-archive:";

// Images to copy from one layout to another.
struct CopyJob {
  std::shared_ptr<const LayoutReader> source;
  std::string target;                   // path of the layout or the archive, or name of the repository
  std::vector<NamedDescriptor> images;  // with their new names
};

// The destination of a copy. Creates nothing before open().
class CopyTarget {
 public:
  // Parses "LAYOUT[:NAME]", which is created if it is missing; "oci-archive:FILE[:NAME]" or
  // "FILE.tar[:NAME]", which must not exist; repositories; or "docker://HOST/REPOSITORY[:TAG]".
  // Errc::invalid_argument; Errc::unsupported for destinations of other tools.
  static Result<CopyTarget> parse(const std::string& operand, bool follow_links,
                                  const RemoteArguments& remote);

  // Returns the images for each target. Errc::invalid_argument if one name is given for several images, or if
  // an image cannot have its name in the target. Errors of find_entry_to_write().
  Result<std::vector<CopyJob>> plan(const CopySource& source);
  // Checks that the job's target, if it exists, can hold the images under their names, and that a registry
  // answers. Changes nothing.
  // Errc::clobber or Errc::ambiguous, with the reason.
  Status check(const CopyJob& job);
  // Returns whether open() will create the job's target.
  bool creates(const CopyJob& job) const;
  // Returns "layout", "archive" or "repository".
  std::string_view noun() const noexcept;
  // Returns the job's target, which is created if it is missing.
  Result<std::shared_ptr<Engine>> open(const CopyJob& job);
  // Returns whether an interrupted copy leaves its blobs for the next attempt.
  bool keeps_parts() const noexcept { return kind_ != Kind::archive; }
  // Completes the target. Call it after the last job.
  Status finish();

 private:
  enum class Kind : std::uint8_t { layout, archive, repositories, remote };
  // The target of an image, and its name there.
  struct Destination {
    std::string target, name;
  };
  Result<Destination> destination_of(const SourceLayout& source, const NamedDescriptor& image) const;
  // Opens a layout that exists; open() can take it over.
  Result<std::shared_ptr<Engine>> open_existing(const std::string& path);
  // Gives `image` the name of the operand in a layout or an archive; see find_entry_to_write().
  Status give_name(NamedDescriptor& image);
  Result<std::shared_ptr<RemoteEngine>> open_remote(const CopyJob& job) const;
  // Errc::invalid_argument if one name was given for several images.
  Status check_one_name(const SourceLayout& source) const;

  Kind kind_ = Kind::layout;
  bool follow_links_ = false;
  std::string path_;
  std::string repository_;  // empty: the source's, or that of each name
  std::string name_;        // name or tag; empty: the source's
  RemoteArguments remote_;
  std::shared_ptr<ArchiveWriter> archive_;
  // The first layout that open_existing() opened, for open(). It is the only one unless images go to several
  // repositories.
  std::string checked_;
  std::shared_ptr<Engine> checked_engine_;
};

}  // namespace layoutfs::tools
