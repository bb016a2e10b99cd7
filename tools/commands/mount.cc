// `layoutfs mount`.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/engines/storage_names.h"
#include "fs/fuse/fuse_session.h"
#include "fs/tree/layout_filesystem.h"
#include "fs/tree/repository_filesystem.h"
#include "fs/tree/statistics.h"
#include "fs/tree/storage_filesystem.h"
#include "layoutfs/log.h"
#include "tools/cli/command.h"
#include "tools/cli/daemon.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/kernel_view_choice.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/mount_point.h"
#include "tools/cli/name_store.h"
#include "tools/cli/progress.h"
#include "tools/cli/served_image.h"
#include "tools/cli/service_manager.h"

namespace layoutfs::tools {
namespace {

struct MountArguments {
  ImageArguments image;
  std::vector<std::string>
      operands;  // LAYOUT[:REF] MOUNTPOINT; only MOUNTPOINT if --layout or --repositories is given
  std::string repositories;          // --repositories
  std::vector<std::string> options;  // -o
  std::string cache_size;
  std::string cache_disk;
  std::string cache_remote;
  std::string verify;
  std::string log_format;
  std::string view;
  bool is_image_wanted = false;     // --image
  bool is_kernel_wanted = false;    // --kernel
  bool is_kernel_unwanted = false;  // --no-kernel
  bool is_foreground = false;
  bool is_debug = false;
  bool is_prefetching = false;
  bool is_verbose = false;
  bool is_progress_hidden = false;
};

void set_log_level(const MountArguments& arguments) {
  layoutfs::set_log_level(arguments.is_debug     ? LogLevel::debug
                          : arguments.is_verbose ? LogLevel::info
                          : is_quiet()           ? LogLevel::error
                                                 : LogLevel::warning);
}

// Long options are equivalent to -o options, and override them.
Result<MountOptions> mount_options(const MountArguments& arguments) {
  MountOptions options;
  for (const std::string& argument : arguments.options)
    if (auto added = add_mount_options(options, argument); !added) return fail(std::move(added).error());
  const std::string& platform = arguments.image.platform;
  if (!platform.empty() && !options.platform.empty() && platform != options.platform)
    return fail(Errc::invalid_argument,
                "--platform " + platform + " and -o platform=" + options.platform + " contradict each other");
  if (!platform.empty()) options.platform = platform;
  if (!arguments.image.cache_dir.empty()) options.cache_dir = arguments.image.cache_dir;
  if (options.cache_dir.empty()) options.cache_dir = IndexCache::default_directory();
  // The process in the background has another working directory.
  std::error_code failed;
  if (!options.cache_dir.empty()) options.cache_dir = std::filesystem::absolute(options.cache_dir, failed);
  options.is_of_repositories |= !arguments.repositories.empty();
  options.follow_links |= arguments.image.follow_links;
  options.prefetches |= arguments.is_prefetching;
  if (arguments.is_kernel_wanted) options.view = View::kernel;
  if (arguments.is_kernel_unwanted) options.view = View::fuse;
  for (const auto& [name, value] : {std::pair("cache_size=", &arguments.cache_size),
                                    {"cache_disk=", &arguments.cache_disk},
                                    {"cache_remote=", &arguments.cache_remote},
                                    {"verify=", &arguments.verify},
                                    {"log_format=", &arguments.log_format},
                                    {"view=", &arguments.view}})
    if (!value->empty())
      if (auto added = add_mount_option(options, name + *value); !added)
        return fail(std::move(added).error());
  if (options.engine_view && options.view == View::kernel)
    return fail(Errc::invalid_argument,
                "kernel=yes and view=" + std::string(name_of(*options.engine_view)) +
                    " contradict each other: the kernel can only show a single image");
  return options;
}

// Splits the operands into the name and the mount point.
Status split_operands(MountArguments& arguments, bool is_of_repositories, std::string& mount_point) {
  const bool is_named = !arguments.image.layout.empty() || !arguments.repositories.empty();
  const std::size_t wanted = is_named ? 1 : 2;
  if (arguments.operands.size() < wanted)
    return fail(missing_operand("mount", is_named || arguments.operands.size() == 1 ? "MOUNTPOINT"
                                         : is_of_repositories                       ? "DIR MOUNTPOINT"
                                                              : std::string(kImageKind) + " MOUNTPOINT"));
  if (arguments.operands.size() > wanted)
    return fail(unexpected_operand("mount", arguments.operands[wanted]));
  if (!is_named)
    (is_of_repositories ? arguments.repositories : arguments.image.name) = arguments.operands.front();
  mount_point = arguments.operands.back();
  if (mount_point.empty()) return fail(Errc::invalid_argument, "mount: the path of the mount point is empty");
  return {};
}

// Refuses options that apply to one image only.
Status check_repositories(const MountArguments& arguments) {
  for (const auto& [option, is_given] : {std::pair("--layout", !arguments.image.layout.empty()),
                                         {"--ref", !arguments.image.reference.empty()},
                                         {"--image", arguments.is_image_wanted}})
    if (is_given)
      return fail(Errc::invalid_argument,
                  std::string(option) + " is not possible with --repositories, which mounts all layouts");
  return {};
}

// The filesystem of a session.
struct Served {
  std::string source;                      // as given
  std::shared_ptr<Filesystem> filesystem;  // of FUSE
  std::shared_ptr<const LibraryResources> resources;
  std::vector<UsedPath> used;                      // paths that the mount must not hide
  std::optional<Digest> manifest;                  // of a single image
  std::optional<PreparedView> view;                // of it, if the kernel may show it
  std::function<Status(const Context&)> prefetch;  // of it; null if there is nothing to fetch
};

Error no_kernel_view(Error why) { return std::move(why).with("kernel view"); }

Status check_view_of_many(const MountOptions& options) {
  if (options.view != View::kernel) return {};
  return fail(Error(Errc::invalid_argument, "the kernel can only show a single image")
                  .with_hint("name it: LAYOUT:REF"));
}

Result<PreparedView> view_of(const ImagePtr& image, const Digest& manifest,
                             const std::shared_ptr<ImageLibrary>& library, const MountOptions& options,
                             const std::string& mount_point) {
  if (MountPoint::is_device(mount_point))
    return fail(Errc::mount_failed, mount_point + " is a mount of FUSE already");
  return prepare_view(image, manifest, library->resources()->cache(), options);
}

Status serve_image(Served& served, const OpenLayout& layout, const MountArguments& arguments,
                   const std::shared_ptr<ImageLibrary>& library, const MountOptions& options,
                   const std::string& mount_point) {
  const auto manifest = find_manifest(layout, arguments.image);
  if (!manifest) return std::unexpected(manifest.error());
  const auto image = open_complete_image(layout, *manifest, *library);
  if (!image) return std::unexpected(image.error());
  served.manifest = manifest->digest;
  if (const auto remote = std::dynamic_pointer_cast<const RemoteLayout>(layout.reader);
      remote != nullptr && options.prefetches)
    served.prefetch = [remote, manifest = *manifest](const Context& context) {
      return remote->prefetch(manifest, context);
    };
  served.filesystem = image_filesystem(
      *image, library,
      {.ownership = {options.uid, options.gid}, .acl = options.acl, .manifest = manifest->digest});
  if (options.view == View::fuse) return {};
  auto view = view_of(*image, manifest->digest, library, options, mount_point);
  if (view)
    served.view = std::move(*view);
  else if (options.view == View::kernel)
    return fail(no_kernel_view(std::move(view).error()));
  else
    log(LogLevel::info, no_kernel_view(view.error()).message() + "; FUSE is used");
  return {};
}

Result<LayoutOptions> layout_options(const MountArguments& arguments, const MountOptions& options) {
  auto platform = platform_of(arguments.image);
  if (!platform) return fail(std::move(platform).error());
  return LayoutOptions{.platform = std::move(*platform),
                       .ownership = {options.uid, options.gid},
                       .are_acls_wanted = options.acl.value_or(false),
                       .follow_links = options.follow_links};
}

Status serve_all_images(Served& served, const OpenLayout& layout, const MountArguments& arguments,
                        const std::shared_ptr<ImageLibrary>& library, const MountOptions& options) {
  auto shown = layout_options(arguments, options);
  if (!shown) return fail(std::move(shown).error());
  if (!options.engine_view) {
    served.filesystem = make_layout_filesystem(library, std::move(*shown));
    return {};
  }
  std::error_code failed;
  const auto path = std::filesystem::weakly_canonical(layout.path, failed);
  served.filesystem =
      make_storage_filesystem(*options.engine_view, library, std::move(*shown),
                              storage_repository_of_path(failed ? layout.path : path.string()));
  return {};
}

Result<Served> serve_layout(const MountArguments& arguments, const MountOptions& options,
                            const std::string& mount_point_argument) {
  auto layout = open_layout(arguments.image);
  if (!layout) return fail(std::move(layout).error());
  const bool is_of_image = arguments.is_image_wanted || !layout->reference.empty();
  if (is_of_image && options.engine_view)
    return fail(Error(Errc::invalid_argument,
                      "view=" + std::string(name_of(*options.engine_view)) + " shows all images of a layout")
                    .with_hint(is_remote_name(layout->path)
                                   ? "copy the image to a layout with: layoutfs copy " +
                                         source_of(*layout, arguments.image) + " LAYOUT"
                                   : "name the layout alone: " + layout->path));
  if (!is_of_image)
    if (auto checked = check_view_of_many(options); !checked) return fail(std::move(checked).error());
  auto used = used_paths(options);
  // An engine keeps its directory or archive open, but symlinks in it may lead anywhere.
  if (!is_remote_name(layout->path))
    used.push_back({.what = "the layout", .path = layout->path, .is_opened_again = options.follow_links});
  if (auto checked = MountPoint::check(mount_point_argument, used); !checked)
    return fail(std::move(checked).error());

  // Shows progress until the mount exists. The library may live longer.
  auto progress = std::make_shared<std::optional<Progress>>();
  progress->emplace("indexing", !arguments.is_progress_hidden);
  const auto library = open_library(*layout, options, progress);
  Served served{.source = source_of(*layout, arguments.image),
                .filesystem = nullptr,
                .resources = library->resources(),
                .used = std::move(used),
                .manifest = {},
                .view = {},
                .prefetch = {}};
  auto done = is_of_image ? serve_image(served, *layout, arguments, library, options, mount_point_argument)
                          : serve_all_images(served, *layout, arguments, library, options);
  if (!done) return fail(std::move(done).error());
  progress->reset();
  return served;
}

// Opens no layout yet. Reports mistakes that are visible without that.
Result<Served> serve_repositories(const MountArguments& arguments, const MountOptions& options,
                                  const std::string& mount_point_argument) {
  if (auto checked = check_repositories(arguments); !checked) return fail(std::move(checked).error());
  if (auto checked = check_view_of_many(options); !checked) return fail(std::move(checked).error());
  auto shown = layout_options(arguments, options);
  if (!shown) return fail(std::move(shown).error());
  std::error_code failed;
  RepositoryTree tree(std::filesystem::absolute(arguments.repositories, failed));
  const auto level = tree.level("");
  if (!level) return fail(Error(level.error()));
  if (level->is_layout && level->below.empty())
    return fail(
        Errc::invalid_argument,
        arguments.repositories + " is a layout, not a directory of layouts; mount it without --repositories");
  auto used = used_paths(options);
  used.push_back({.what = "the directory of layouts", .path = tree.directory()});
  if (auto checked = MountPoint::check(mount_point_argument, used); !checked)
    return fail(std::move(checked).error());
  auto resources = library_resources(options, std::make_shared<std::optional<Progress>>());
  auto filesystem =
      options.engine_view
          ? make_storage_filesystem(*options.engine_view, std::move(tree), resources, std::move(*shown))
          : make_repository_filesystem(std::move(tree), resources, std::move(*shown));
  return Served{.source = arguments.repositories,
                .filesystem = std::move(filesystem),
                .resources = std::move(resources),
                .used = std::move(used),
                .manifest = {},
                .view = {},
                .prefetch = {}};
}

// Without these options FUSE refuses all other users, even root.
bool is_for_caller_alone(const MountOptions& options) {
  return std::ranges::none_of(options.kernel, [](const std::string& option) {
    return option == "allow_other" || option == "allow_root";
  });
}

Status mount_layout(MountArguments arguments) {
  set_log_level(arguments);
  auto options = mount_options(arguments);
  if (!options) return fail(std::move(options).error());
  std::string mount_point_argument;
  if (auto split = split_operands(arguments, options->is_of_repositories, mount_point_argument); !split)
    return split;
  set_log_format(options->log_format);
  arguments.image.platform = options->platform;
  arguments.image.follow_links = options->follow_links;
  RemoteArguments& remote = arguments.image.remote;
  if (remote.auth_file.empty()) remote.auth_file = options->auth_file;
  if (remote.tls_verify.empty()) remote.tls_verify = options->tls_verify;
  arguments.image.remote_settings = {
      .cache_dir = options->cache_dir,
      .cache_budget = options->cache_remote,
      .retries = {.timeout = options->net_timeout, .waits = options->waits_for_net}};
  // Requests to a registry run in threads, which a later fork would lose.
  const bool is_remote =
      is_remote_name(arguments.image.layout.empty() ? arguments.image.name : arguments.image.layout);
  const bool is_in_background = !arguments.is_foreground && !arguments.is_debug;
  std::optional<Daemon> daemon;
  const auto detach = [&daemon]() -> Status {
    auto started = Daemon::start();
    if (!started) return fail(std::move(started).error());
    daemon = std::move(*started);
    return {};
  };
  if (is_remote && is_in_background)
    if (auto detached = detach(); !detached) return detached;

  auto served = options->is_of_repositories ? serve_repositories(arguments, *options, mount_point_argument)
                                            : serve_layout(arguments, *options, mount_point_argument);
  if (!served) return fail(std::move(served).error());
  // Not earlier: a signal may end the program while it is indexing.
  hold_signals();
  auto mount_point = MountPoint::prepare(mount_point_argument, served->used);
  if (!mount_point) return fail(std::move(mount_point).error());
  if (is_stop_pending()) return fail(Errc::cancelled, "stopped by a signal");
  if (!daemon && is_in_background)
    if (auto detached = detach(); !detached) return detached;
  const std::string source = !options->fsname.empty() ? options->fsname : served->source;
  // Threads of the session use these.
  std::atomic<bool> is_shown = false;
  std::atomic<View> view = View::fuse;
  const SessionOptions session{
      .mount_point = mount_point->path(),
      .source = source,
      .kernel_options = options->kernel,
      .max_threads = options->max_threads,
      .idle_timeout = options->idle_timeout,
      .log_statistics =
          [&] {
            log_always(LogLevel::info, statistics_json(*served->resources, view.load(), served->manifest));
          },
      .stopping = [] { notify_service_manager("STOPPING=1\nSTATUS=unmounting"); },
      .debug = arguments.is_debug,
      .statistics = [&] { return statistics_json(*served->resources, View::kernel, served->manifest); }};
  std::jthread prefetching;  // ends with the mount
  const auto ready = [&](View shown) {
    if (served->prefetch)
      prefetching = std::jthread([prefetch = served->prefetch](std::stop_token stop) {
        const auto done = prefetch({.stop = std::move(stop), .deadline = {}});
        if (!done && done.error().code() != Errc::cancelled)
          log(LogLevel::warning, "prefetch: " + done.error().message());
      });
    view = shown;
    is_shown = true;
    print_notice("mounted " + source + " on " + mount_point->path());
    if (shown == View::fuse && is_for_caller_alone(*options) &&
        (arguments.is_verbose || ::isatty(STDERR_FILENO) == 1))
      print_notice(::geteuid() == 0 ? "only root can see it; mount with -o allow_other for other users"
                                    : "only you can see it, not even root");
    // Before the parent ends, as a service manager may take its end for the end of the service.
    notify_service_manager("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=serving " + source +
                           " on " + mount_point->path());
    if (daemon) daemon->ready();
  };
  if (served->view) {
    auto done = serve_view(*served->view, session, [&] { ready(View::kernel); });
    if (done || is_shown) return done;
    if (options->view == View::kernel) return fail(no_kernel_view(std::move(done).error()));
    log(LogLevel::info, no_kernel_view(done.error()).message() + "; FUSE is used");
  }
  auto mounted = FuseSession::mount(std::move(served->filesystem), session);
  if (!mounted) return fail(std::move(mounted).error());
  return (*mounted)->serve([&] { ready(View::fuse); });
}

}  // namespace

void add_mount_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<MountArguments>();
  const Command command =
      program.add_subcommand("mount", "Mount a layout, or the root filesystem of an image, read-only");
  command.usage(std::string(kImageKind) + " MOUNTPOINT");
  command.usage("--repositories DIR MOUNTPOINT");
  command.example("layoutfs mount ./img:app-1.2 /mnt/app", "the root filesystem of an image");
  command.example("layoutfs mount -o allow_other ./img /mnt/img", "a whole layout, for all users");
  command.example("layoutfs mount docker://quay.io/team/app:1.2 /mnt/app", "an image in a registry");
  command.example("layoutfs mount --view containers-storage ./img /mnt/store", "an image store of podman");
  for (const char* const option : {"allow_other", "allow_root", "uid", "gid", "acl"}) {
    const std::string name = option;
    command.explain("--" + name,
                    "mount options follow -o, as in: -o " + name + (name.ends_with("id") ? "=0" : ""));
  }
  command.suggest("--allow-other", "-o allow_other");
  command.suggest("--allow-root", "-o allow_root");
  command.suggest("--read-only", "-o ro");
  command.start_group("Mount");
  command.add_option("OPERANDS", arguments->operands, "").type_name(std::string(kImageKind) + " DIR");
  arguments->image.add_options(command);
  command.add_option("-o", arguments->options, "Mount options, as for mount(8); see mount.layoutfs(8)")
      .type_name("OPTION[=VALUE],...");
  command
      .add_option("--repositories", arguments->repositories,
                  "Mount a directory of layouts, each as a repository")
      .type_name("DIR")
      .group(kImageGroup);
  command.add_flag("--image", arguments->is_image_wanted, "Mount the root filesystem of the only image")
      .group(kImageGroup);
  command.add_option("--cache-size", arguments->cache_size, "Memory for decompressed data (default: 256M)")
      .type_name("SIZE")
      .group(kCacheGroup);
  command
      .add_option("--cache-disk", arguments->cache_disk,
                  "Disk space for decompressed layers (default: 4G; 0: none)")
      .type_name("SIZE")
      .group(kCacheGroup);
  command
      .add_option("--cache-remote", arguments->cache_remote,
                  "Disk space for blobs of registries (default: 10G)")
      .type_name("SIZE")
      .group(kCacheGroup);
  command
      .add_flag("--prefetch", arguments->is_prefetching,
                "Fetch all of an image in a registry in the background")
      .group(kRemoteGroup);
  command.add_option("--verify", arguments->verify, "Verify content on each read (default: on)")
      .type_name("on|off");
  const Option kernel = command.add_flag("--kernel", arguments->is_kernel_wanted,
                                         "Show the image by the kernel's EROFS, or fail (as -o kernel=yes)");
  command
      .add_flag("--no-kernel", arguments->is_kernel_unwanted,
                "Show the image by FUSE (as -o kernel=no; default: by EROFS if possible)")
      .excludes(kernel);
  command.add_option("--view", arguments->view, "Show all images in the form that a container engine reads")
      .type_name("containers-storage|containerd");
  command.add_flag("-f,--foreground", arguments->is_foreground, "Stay in the foreground");
  command.add_flag("-d,--debug", arguments->is_debug, "Stay in the foreground and log everything");
  command.add_flag("-v,--verbose", arguments->is_verbose, "Print more messages").group(kOutputGroup);
  command.add_option("--log-format", arguments->log_format, "Format of messages (default: text)")
      .type_name("text|json")
      .group(kOutputGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    if (auto done = mount_layout(std::move(*arguments)); !done) exit_code = report(done.error());
  });
}

}  // namespace layoutfs::tools
