// Combines the fields of all headers of an entry.
#include "core/tar/tar_entry.h"

#include <algorithm>
#include <limits>

#include "core/tar/sparse.h"

namespace layoutfs {
namespace {

// Sets a number from a header or, if there is one, from a PAX record. It must be in 0..`max`.
template <class T>
Status set_number(T& to, std::int64_t in_header, std::optional<std::uint64_t> in_record, std::uint64_t max,
                  const char* what) {
  if (!in_record && in_header < 0) return fail(Errc::corrupt, std::string(what) + " is negative");
  const std::uint64_t value = in_record.value_or(static_cast<std::uint64_t>(in_header));
  if (value > max) return fail(Errc::corrupt, std::string(what) + " is too large");
  to = static_cast<T>(value);
  return {};
}

// In a v7 tar, a trailing slash marks a directory. POSIX treats unknown typeflags as regular files.
EntryType type_of(const TarHeader& header, std::string_view name) {
  switch (header.flag) {
    case '1':
      return EntryType::hardlink;
    case '2':
      return EntryType::symlink;
    case '3':
      return EntryType::character;
    case '4':
      return EntryType::block;
    case '5':
    case 'D':  // GNU tar's directory with a list of names as data
      return EntryType::directory;
    case '6':
      return EntryType::fifo;
    case '\0':
    case '0':
      if (name.ends_with('/') && (header.flag == '\0' || header.format == TarFormat::v7))
        return EntryType::directory;
      return EntryType::file;
    default:
      return EntryType::file;
  }
}

Result<SparseForm> sparse_form_of(const TarHeader& header, EntryType type, const PaxSparse& records) {
  if (type != EntryType::file) return SparseForm::none;
  if (header.flag == 'S') {
    if (header.format != TarFormat::gnu)
      return fail(Errc::corrupt, "the header of a sparse file is not in GNU tar's format");
    return SparseForm::old;
  }
  if (!records.is_present()) return SparseForm::none;
  const std::uint64_t major = records.major.value_or(0), minor = records.minor.value_or(0);
  if (major == 1 && minor == 0) return SparseForm::text;
  if (major == 0 && minor <= 1) return SparseForm::records;
  return fail(Errc::unsupported, "unknown sparse file format");
}

Status set_sparse_size(EntryStart& start, ByteView block, const PaxSparse& records) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (start.sparse == SparseForm::old) {
    const auto size = parse_tar_number(block.subspan(kOldSparseRealSize, kOldSparseRealSizeWidth));
    if (!size) return fail(Errc::corrupt, "invalid size field of a sparse file");
    return set_number(start.entry.size, *size, std::nullopt, kMax, "a sparse file's size");
  }
  if (!records.real_size) return fail(Errc::corrupt, "the sparse file has no size");
  if (start.sparse == SparseForm::records && records.block_count &&
      (records.numbers.size() % 2 != 0 || *records.block_count != records.numbers.size() / 2)) {
    return fail(Errc::corrupt, "length of the sparse map differs from its header");
  }
  return set_number(start.entry.size, 0, records.real_size, kMax, "a sparse file's size");
}

std::string name_of(const TarHeader& header, const ExtendedHeaders& extended, SparseForm sparse) {
  const PaxRecords& pax = extended.pax;
  // The other path of a sparse file is generated for extractors that do not know the format.
  if (sparse != SparseForm::none && sparse != SparseForm::old && pax.sparse.name) return *pax.sparse.name;
  if (pax.path) return *pax.path;
  return extended.long_name.value_or(header.name);
}

void set_link(TarEntry& entry, const TarHeader& header, ExtendedHeaders& extended) {
  std::string link =
      extended.pax.link ? std::move(*extended.pax.link) : extended.long_link.value_or(header.link);
  if (entry.type == EntryType::symlink)
    entry.target = std::move(link);
  else if (entry.type == EntryType::hardlink)
    entry.target = clean_path(link);
}

Status set_attributes(TarEntry& entry, const TarHeader& header, ExtendedHeaders& extended) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  PaxRecords& pax = extended.pax;
  entry.mode = static_cast<std::uint32_t>(header.mode & 07777);
  entry.mtime = pax.mtime.value_or(Timestamp{header.mtime, 0});
  if (auto set = set_number(entry.uid, header.uid, pax.uid, kMax, "uid"); !set) return set;
  if (auto set = set_number(entry.gid, header.gid, pax.gid, kMax, "gid"); !set) return set;
  std::size_t names_size = 0;
  for (auto& [name, value] : pax.xattrs) {
    names_size += name.size() + 1;
    entry.xattrs.emplace_back(name, std::move(value));
  }
  if (names_size > kMaxXattrNames)
    return fail(Errc::unsupported, "xattr names exceed " + std::to_string(kMaxXattrNames >> 10) + " KiB");
  auto major = set_number(entry.device_major, header.device_major, std::nullopt, kMax, "device number");
  if (!major) return major;
  return set_number(entry.device_minor, header.device_minor, std::nullopt, kMax, "device number");
}

}  // namespace

std::string clean_path(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view component = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      const std::size_t last = out.rfind('/');
      out.resize(last == std::string::npos ? 0 : last);
      continue;
    }
    if (!out.empty()) out.push_back('/');
    out.append(component);
  }
  return out;
}

Result<EntryStart> start_entry(const TarHeader& header, ByteView block, ExtendedHeaders extended) {
  constexpr auto kMaxStored = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  EntryStart start{};
  TarEntry& entry = start.entry;
  entry.type = type_of(header, name_of(header, extended, SparseForm::none));
  const auto sparse = sparse_form_of(header, entry.type, extended.pax.sparse);
  if (!sparse) return fail(Error(sparse.error()));
  start.sparse = *sparse;
  entry.is_sparse = start.sparse != SparseForm::none;
  entry.path = clean_path(name_of(header, extended, start.sparse));
  set_link(entry, header, extended);
  if (auto set = set_attributes(entry, header, extended); !set) return fail(std::move(set).error());

  // Some writers leave sizes in headers of entries without data.
  if (auto set = set_number(start.stored, header.size, extended.pax.size, kMaxStored, "size"); !set) {
    return fail(std::move(set).error());
  }
  if (entry.type != EntryType::file && header.flag != 'D') start.stored = 0;
  if (entry.type == EntryType::file) entry.size = start.stored;
  if (entry.is_sparse) {
    if (auto set = set_sparse_size(start, block, extended.pax.sparse); !set)
      return fail(std::move(set).error());
    start.numbers = std::move(extended.pax.sparse.numbers);
  }
  return start;
}

}  // namespace layoutfs
