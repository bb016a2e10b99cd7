// The callbacks of low-level libfuse.
#include "fs/fuse/fuse_operations.h"

#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "core/base/xattr_names.h"
#include "fs/fuse/caller.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// At most one reply; the kernel's reads are never larger (max_pages).
constexpr std::size_t kMaxReply = std::size_t{1} << 20;

// At the same time; the default of 12 keeps readers of a kernel view waiting.
constexpr unsigned kMostRequestsOfKernel = 64;

FuseServer& server_of(fuse_req_t request) {
  auto& server = *static_cast<FuseServer*>(fuse_req_userdata(request));
  server.last_request.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  return server;
}
Filesystem& filesystem_of(fuse_req_t request) { return *server_of(request).filesystem; }

// Returns the thread of the request; 0 if unknown.
pid_t caller_of(fuse_req_t request) {
  return server_of(request).is_own_mount ? fuse_req_ctx(request)->pid : 0;
}

// Calls `call` with the filesystem and a context that ends if the caller is killed.
template <class Call>
auto ask_filesystem(fuse_req_t request, Call&& call) {
  FuseServer& server = server_of(request);
  const Interrupts::Request interruptible(server.interrupts, request, caller_of(request));
  return call(*server.filesystem, interruptible.context());
}

// A buffer per thread, as large as its largest reply so far.
std::span<std::byte> reply_buffer(std::size_t size) {
  thread_local std::vector<std::byte> buffer;
  size = std::min(size, kMaxReply);
  if (buffer.size() < size) buffer.resize(size);
  return std::span(buffer).first(size);
}

void reply_pieces(fuse_req_t request, const IoBuffers& content) {
  // With libfuse's header, the largest reply has fewer parts than IOV_MAX, by the guarantee of IoBuffers.
  static_assert(2 * (kMaxReply / IoBuffers::kShortest + 1) < IOV_MAX);
  std::vector<iovec> parts;
  parts.reserve(content.views().size());
  for (const ByteView view : content.views())
    parts.push_back({const_cast<std::byte*>(view.data()), view.size()});  // not written to
  fuse_reply_iov(request, parts.data(), static_cast<int>(parts.size()));
}

fuse_entry_param to_parameters(const LookupResult& entry) {
  fuse_entry_param parameters{};
  parameters.ino = entry.inode;
  parameters.attr = entry.attributes.stat;
  parameters.attr_timeout = entry.attributes.valid.count();
  parameters.entry_timeout = entry.valid.count();
  return parameters;
}

// Called by several threads at the same time. Neither a failed allocation nor a failed start of a thread may
// end the mount.
template <class Answer>
void guarded(fuse_req_t request, Answer&& answer) noexcept {
  try {
    answer();
  } catch (const std::bad_alloc&) {
    fuse_reply_err(request, ENOMEM);
  } catch (const std::exception& error) {
    log(LogLevel::error, error.what());
    fuse_reply_err(request, EIO);
  }
}

// If the kernel enforces ACLs, it also caches that a file has none, and programs do not request that each
// time. It never does for the root of the mount: each path of a user who does not own that would cost a
// request.
bool is_for_owner_alone(const FuseServer& server) {
  if (!server.is_for_mounter_alone) return false;
  const auto root = server.filesystem->attributes(kRootNumber);
  return root && root->stat.st_uid == ::geteuid();
}

void on_init(void* user_data, fuse_conn_info* connection) {
  auto& server = *static_cast<FuseServer*>(user_data);
  const auto want = [&](unsigned capability) {
    if ((connection->capable & capability) != 0) connection->want |= capability;
    return (connection->capable & capability) != 0;
  };
  want(FUSE_CAP_PARALLEL_DIROPS);
  want(FUSE_CAP_CACHE_SYMLINKS);
  want(FUSE_CAP_READDIRPLUS);
  want(FUSE_CAP_ASYNC_READ);
  // Directory listings are cached and validated by mtime.
  want(FUSE_CAP_AUTO_INVAL_DATA);
  // Use readdirplus always if attributes are cheap, instead of the kernel's heuristic.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO);
  Filesystem& filesystem = *server.filesystem;
  // Only open(2) can turn off the cache of a file.
  server.is_open_needed = filesystem.is_for_kernel() || !want(FUSE_CAP_NO_OPEN_SUPPORT);
  server.is_opendir_needed = !want(FUSE_CAP_NO_OPENDIR_SUPPORT);
  if (filesystem.is_for_kernel()) {
    want(FUSE_CAP_ASYNC_DIO);
    connection->max_background = kMostRequestsOfKernel;
    connection->congestion_threshold = kMostRequestsOfKernel * 3 / 4;
  }
  const bool are_acls_cached =
      (filesystem.wants_acls() || is_for_owner_alone(server)) && want(FUSE_CAP_POSIX_ACL);
  filesystem.set_acls_enforced(are_acls_cached && filesystem.wants_acls());
  server.are_acls_supported = are_acls_cached || !server.is_for_mounter_alone;
  server.are_labels_supported = server.is_lower_layer || filesystem.has_labels();
  connection->max_readahead = std::max<unsigned>(connection->max_readahead, unsigned{4} << 20);
  if (server.ready) server.ready();
  server.is_initialized = true;
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  guarded(request, [&] {
    const auto entry = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.lookup(parent, name, context);
    });
    if (!entry) {
      fuse_reply_err(request, entry.error());
      return;
    }
    const fuse_entry_param parameters = to_parameters(*entry);
    if (fuse_reply_entry(request, &parameters) == -ENOENT && entry->inode != 0)
      filesystem_of(request).forget(entry->inode, 1);  // interrupted: the kernel did not get the reference
  });
}

void on_forget(fuse_req_t request, fuse_ino_t node, std::uint64_t count) {
  filesystem_of(request).forget(node, count);
  fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (const fuse_forget_data& forget : std::span(forgets, count))
    filesystem_of(request).forget(forget.ino, forget.nlookup);
  fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  guarded(request, [&] {
    const auto attributes = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.attributes(node, context);
    });
    if (attributes)
      fuse_reply_attr(request, &attributes->stat, attributes->valid.count());
    else
      fuse_reply_err(request, attributes.error());
  });
}

void on_readlink(fuse_req_t request, fuse_ino_t node) {
  guarded(request, [&] {
    const auto target = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.readlink(node, context);
    });
    if (target)
      fuse_reply_readlink(request, target->c_str());
    else
      fuse_reply_err(request, target.error());
  });
}

// ENOSYS tells a kernel that supports it to omit this request from now on, and to keep its page cache.
void on_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  const FuseServer& server = server_of(request);
  if (!server.is_open_needed) {
    fuse_reply_err(request, ENOSYS);
    return;
  }
  const bool is_cached_by_reader = server.filesystem->is_cached_by_reader(node);
  info->direct_io = is_cached_by_reader ? 1 : 0;
  info->keep_cache = is_cached_by_reader ? 0 : 1;
  fuse_reply_open(request, info);
}

void on_opendir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  if (!server_of(request).is_opendir_needed) {
    fuse_reply_err(request, ENOSYS);
    return;
  }
  info->keep_cache = 1;
  info->cache_readdir = 1;
  fuse_reply_open(request, info);
}

void on_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, fuse_file_info*) {
  guarded(request, [&] {
    IoBuffers content;
    const auto got = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.read(node, content, std::min(size, kMaxReply), static_cast<std::uint64_t>(offset),
                             context);
    });
    if (got)
      reply_pieces(request, content);
    else
      fuse_reply_err(request, got.error());
  });
}

// The inode number in a listing if it is unknown: any number except 0, which would hide the entry.
constexpr ino_t kUnknownInode = 0xffffffff;

enum class Listing { names, with_attributes };

void list(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset, Listing listing) {
  Filesystem& filesystem = filesystem_of(request);
  const auto buffer = reply_buffer(size);
  auto* const out = reinterpret_cast<char*>(buffer.data());
  std::size_t used = 0;
  std::string name;
  const bool has_attributes =
      listing == Listing::with_attributes && filesystem.has_cheap_attributes(directory);
  const auto listed = ask_filesystem(request, [&](Filesystem&, const Context& context) {
    const auto add = [&](const Filesystem::Listed& each) {
      name.assign(each.name);
      // The kernel does not count "." and ".." as lookups.
      const bool is_dot = name == "." || name == "..";
      fuse_entry_param parameters{};
      parameters.attr.st_ino = each.inode != 0 ? each.inode : kUnknownInode;
      parameters.attr.st_mode = each.type;
      bool is_referenced = false;
      if (has_attributes && !is_dot) {
        const auto entry = filesystem.lookup(directory, name, context);
        is_referenced = entry && entry->inode != 0;
        if (is_referenced) parameters = to_parameters(*entry);
      }
      const auto cookie = static_cast<off_t>(each.cookie);
      const std::size_t needed = listing == Listing::with_attributes
                                     ? fuse_add_direntry_plus(request, out + used, buffer.size() - used,
                                                              name.c_str(), &parameters, cookie)
                                     : fuse_add_direntry(request, out + used, buffer.size() - used,
                                                         name.c_str(), &parameters.attr, cookie);
      if (needed > buffer.size() - used) {
        if (is_referenced) filesystem.forget(parameters.ino, 1);
        return false;
      }
      used += needed;
      return true;
    };
    return filesystem.readdir(directory, static_cast<std::uint64_t>(offset), add, context);
  });
  if (listed)
    fuse_reply_buf(request, out, used);
  else
    fuse_reply_err(request, listed.error());
}

void on_readdir(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset, fuse_file_info*) {
  guarded(request, [&] { list(request, directory, size, offset, Listing::names); });
}

void on_readdirplus(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset,
                    fuse_file_info*) {
  guarded(request, [&] { list(request, directory, size, offset, Listing::with_attributes); });
}

void on_statfs(fuse_req_t request, fuse_ino_t) {
  const Filesystem::Totals totals = filesystem_of(request).totals();
  struct statvfs answer{};
  answer.f_bsize = 4096;
  answer.f_frsize = 4096;
  answer.f_blocks = (totals.bytes + answer.f_frsize - 1) / answer.f_frsize;
  answer.f_files = totals.inodes;
  answer.f_namemax = 255;
  fuse_reply_statfs(request, &answer);
}

// xattr(7): size 0 requests the length.
void reply_xattr(fuse_req_t request, std::string_view value, std::size_t size) {
  if (size == 0)
    fuse_reply_xattr(request, value.size());
  else if (value.size() > size)
    fuse_reply_err(request, ERANGE);
  else
    fuse_reply_buf(request, value.data(), value.size());
}

// ls(1) requests the ACL and the label of each file, unless the answer is EOPNOTSUPP, which it remembers for
// the device. Not for ACLs if other users may have an overlayfs on top: it could not remove ACLs. ENOSYS
// makes the kernel omit all requests from then on, also those for user.layoutfs.*, and for listxattr makes
// getfattr(1) and tar(1) complain about each file.
void on_getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
  const FuseServer& server = server_of(request);
  if ((!server.are_labels_supported && name == kLabelXattr) ||
      (!server.are_acls_supported && is_acl_xattr(name))) {
    fuse_reply_err(request, EOPNOTSUPP);
    return;
  }
  guarded(request, [&] {
    const auto value = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.getxattr(node, name, context);
    });
    if (value)
      reply_xattr(request, *value, size);
    else
      fuse_reply_err(request, value.error());
  });
}

// The kernel refuses reading trusted.* for other callers, but filesystems must hide it in lists.
bool may_list_trusted(fuse_req_t request) {
  const fuse_ctx* const caller = fuse_req_ctx(request);
  return may_read_trusted(caller->uid, caller_of(request));
}

void on_listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
  guarded(request, [&] {
    auto names = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.listxattr(node, context);
    });
    if (!names) {
      fuse_reply_err(request, names.error());
      return;
    }
    const auto is_trusted = [](const std::string& name) { return name.starts_with("trusted."); };
    if (std::ranges::any_of(*names, is_trusted) && !may_list_trusted(request))
      std::erase_if(*names, is_trusted);
    std::string list;
    for (const std::string& name : *names) list.append(name).push_back('\0');
    reply_xattr(request, list, size);
  });
}

void on_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info*) {
  guarded(request, [&] {
    if (offset < 0) {
      fuse_reply_err(request, ENXIO);
      return;
    }
    const auto found = ask_filesystem(request, [&](Filesystem& filesystem, const Context& context) {
      return filesystem.seek(node, static_cast<std::uint64_t>(offset), whence, context);
    });
    if (found)
      fuse_reply_lseek(request, static_cast<off_t>(*found));
    else
      fuse_reply_err(request, found.error());
  });
}

}  // namespace

const fuse_lowlevel_ops& fuse_operations() {
  static const fuse_lowlevel_ops operations{.init = on_init,
                                            .lookup = on_lookup,
                                            .forget = on_forget,
                                            .getattr = on_getattr,
                                            .readlink = on_readlink,
                                            .open = on_open,
                                            .read = on_read,
                                            .opendir = on_opendir,
                                            .readdir = on_readdir,
                                            .statfs = on_statfs,
                                            .getxattr = on_getxattr,
                                            .listxattr = on_listxattr,
                                            .forget_multi = on_forget_multi,
                                            .readdirplus = on_readdirplus,
                                            .lseek = on_lseek};
  return operations;
}

}  // namespace layoutfs
