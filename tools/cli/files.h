// Content from files and standard input, and output files that appear only when they are complete.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// The content of a file, or of a pipe or a terminal, in order.
class FileSource final : public ByteSource {
 public:
  // "-" is standard input. While read() waits for input, a readable `stop_fd` (-1: none) ends it with
  // Errc::cancelled. Errc::not_found; Errc::io, also for a directory.
  static Result<FileSource> open(const std::string& path, int stop_fd);
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Returns the size in bytes of a regular file when it was opened, nullopt for all other sources.
  std::optional<std::uint64_t> size() const noexcept { return size_; }
  // Returns the name for errors.
  const std::string& name() const noexcept { return name_; }
  // Returns whether the last read() failed. A caller that passes the source on tells errors of the file,
  // which name it, from other errors by this.
  bool has_failed() const noexcept { return has_failed_; }

 private:
  Result<std::size_t> read_once(std::span<std::byte> out);
  FileSource(UniqueFd fd, std::string name, std::optional<std::uint64_t> size, int stop_fd)
      : fd_(std::move(fd)), name_(std::move(name)), size_(size), stop_fd_(stop_fd) {}
  Status wait() const;

  UniqueFd fd_;
  std::string name_;
  std::optional<std::uint64_t> size_;
  int stop_fd_;
  bool has_failed_ = false;
};

// Reads a file that holds a document. If the file is larger than a document may be (JsonLimits), returns a
// prefix that is too large as well.
Result<Bytes> read_document_file(FileSource& file);

// The output file of a command.
class OutputFile {
 public:
  static OutputFile standard_output();
  // Creates a temporary file beside `path`, which commit() moves to `path`. Follows a symlink at `path`.
  // Writes directly to a device or a pipe. The new file gets the mode of the file that it replaces and, if
  // the system permits it, its owner and group. It is never readable for users without access to the old
  // one. ACLs are not kept.
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  // Removes the temporary file unless commit() succeeded.
  ~OutputFile();

  Status write(ByteView content);
  // Returns whether nobody sees the content before commit().
  bool is_hidden() const noexcept { return !temporary_.empty(); }
  // Moves the file to its path, replacing an existing one.
  Status commit();

 private:
  // Of the replaced file.
  struct Access {
    uid_t owner;
    gid_t group;
    mode_t mode;
  };
  void take_over(const Access& replaced) const;
  OutputFile(UniqueFd owned, int fd, std::string path, std::string temporary)
      : owned_(std::move(owned)), fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}

  UniqueFd owned_;  // none for standard output
  int fd_;
  std::string path_;
  std::string temporary_;  // empty if there is nothing to rename
  std::optional<Access> replaced_;
};

}  // namespace layoutfs::tools
