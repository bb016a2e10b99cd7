// Content from files and standard input, and into files that appear whole or not at all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// A file's content in order, or what a pipe or a terminal delivers.
class FileSource final : public ByteSource {
 public:
  // "-" is standard input. A wait for more ends with Errc::cancelled when `stop_fd` (-1 for none) polls
  // readable. Errc::not_found, Errc::io, also for a directory.
  static Result<FileSource> open(const std::string& path, int stop_fd);
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Bytes of the file when it was opened; nothing for what need not be a file's content from its start.
  std::optional<std::uint64_t> size() const noexcept { return size_; }
  // As errors name it.
  const std::string& name() const noexcept { return name_; }
  // Whether read() failed: who hands the source on can tell its errors, which name the file, from others.
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

// All of a file that holds a document. What is read of one that is larger than documents may be is more than
// they may hold (JsonLimits), and not all of it.
Result<Bytes> read_document_file(FileSource& file);

// Where a command writes what it was asked for.
class OutputFile {
 public:
  static OutputFile standard_output();
  // A temporary file beside `path` until commit(). A symlink at `path` is followed; a device or a pipe is
  // written to as it is. A file that exists is replaced by one of its mode and, as far as the system allows,
  // its owner and group; nobody can read the new one who could not read the old one. ACLs are not kept.
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  // Without commit() nothing is left.
  ~OutputFile();

  Status write(ByteView content);
  // Puts the file at its path, in place of what exists there.
  Status commit();

 private:
  // Of the file that is replaced.
  struct Access {
    uid_t owner;
    gid_t group;
    mode_t mode;
  };
  void take_over(const Access& replaced) const;
  OutputFile(UniqueFd owned, int fd, std::string path, std::string temporary)
      : owned_(std::move(owned)), fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}

  UniqueFd owned_;  // none where it is standard output
  int fd_;
  std::string path_;
  std::string temporary_;  // empty where there is nothing to rename
  std::optional<Access> replaced_;
};

}  // namespace layoutfs::tools
