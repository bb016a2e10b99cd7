// What `layoutfs copy` is given: where images come from and where they go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/transfer/reference_batch.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/open.h"
#include "layoutfs/platform.h"

namespace layoutfs::tools {

// Before what names a directory of layouts, one for each repository: "STORE[:REPOSITORY[:TAG|@DIGEST]]".
inline constexpr std::string_view kRepositoriesPrefix = "oci-repositories:";
inline constexpr std::string_view kArchivePrefix = "oci-archive:";

// Images of one layout. Of a repository's, the names are tags.
struct SourceLayout {
  std::string path;
  std::string repository;  // empty for a layout that is none of a repository
  std::shared_ptr<const LayoutReader> reader;
  std::vector<NamedDescriptor> images;
};

struct CopySource {
  std::vector<SourceLayout> layouts;  // several for a directory of repositories
};

// `LAYOUT[:REF|@DIGEST]`, an archive too, or repositories. Without a reference it is every entry. With
// `platform`, of each index the manifest for that. Errc::not_found also where there is nothing to copy.
Result<CopySource> open_copy_source(const std::string& operand, const std::optional<Platform>& platform,
                                    bool follow_links);

// Images that go from one layout to another.
struct CopyJob {
  std::shared_ptr<const LayoutReader> source;
  std::string target;                   // the path of the layout or the archive
  std::vector<NamedDescriptor> images;  // by the names that they get
};

// Where images go. Nothing is made before open().
class CopyTarget {
 public:
  // "LAYOUT[:NAME]", which is created if it is missing; "oci-archive:FILE[:NAME]" or "FILE.tar[:NAME]", which
  // must not exist; repositories. Errc::invalid_argument; Errc::unsupported for destinations of other tools.
  static Result<CopyTarget> parse(const std::string& operand, bool follow_links);

  // What goes where. Errc::invalid_argument where a name was given for more than one image, or an image
  // cannot have its name there.
  Result<std::vector<CopyJob>> plan(const CopySource& source) const;
  // Whether the job's target, if it is there, can hold its images by their names. Changes nothing.
  // Errc::clobber or Errc::ambiguous, giving the reason.
  Status check(const CopyJob& job);
  // Returns whether open() will create the job's target.
  bool creates(const CopyJob& job) const;
  // Returns "layout" or "archive".
  std::string_view noun() const noexcept { return kind_ == Kind::archive ? "archive" : "layout"; }
  // The layout that a job goes to, made where it is missing.
  Result<std::shared_ptr<Engine>> open(const CopyJob& job);
  // Whether what was copied is there for the next attempt, whatever ends this one.
  bool keeps_parts() const noexcept { return kind_ != Kind::archive; }
  // After the last one.
  Status finish();

 private:
  enum class Kind : std::uint8_t { layout, archive, repositories };
  // Where an image of that name goes, and what it is called there.
  struct Destination {
    std::string target, name;
  };
  Result<Destination> destination_of(const SourceLayout& source, const NamedDescriptor& image) const;
  // Errc::invalid_argument if a name was given and the images are several.
  Status check_one_name(const SourceLayout& source) const;

  Kind kind_ = Kind::layout;
  bool follow_links_ = false;
  std::string path_;
  std::string repository_;  // empty: that of the source, or of each name
  std::string name_;        // or tag; empty: that of the source
  std::shared_ptr<ArchiveWriter> archive_;
  // The first layout that check() has opened, for open(): the only one unless images go to several
  // repositories.
  std::string checked_;
  std::shared_ptr<Engine> checked_engine_;
};

}  // namespace layoutfs::tools
