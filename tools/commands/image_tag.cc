// `layoutfs image tag`.
#include <memory>
#include <string>
#include <vector>

#include "core/cas/foreign_format.h"
#include "core/oci/reference.h"
#include "core/remote/remote_name.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/name_store.h"
#include "tools/cli/store.h"
#include "tools/commands/image.h"

namespace layoutfs::tools {
namespace {

struct TagArguments {
  NameStoreArguments store;
  std::string image;
  std::string name;
  std::vector<std::string> labels;
  bool is_forced = false;
  bool follow_links = false;
};

// Returns the image of the operand (an index stays an index), with the path of its layout as a label.
Result<NamedImage> named_image_of(const TagArguments& arguments) {
  NamedImage image{.name = arguments.name};
  for (const std::string& text : arguments.labels) {
    auto label = parse_label(text);
    if (!label) return fail(std::move(label).error());
    if (label->first == kLayoutLabel)
      return fail(Errc::invalid_argument, "--label " + text + ": reserved for the path of the layout");
    image.labels.insert_or_assign(std::move(label->first), std::move(label->second));
  }
  ImageArguments operand;
  operand.name = arguments.image;
  operand.follow_links = arguments.follow_links;
  // A name leads to a layout on this machine.
  if (is_remote_name(arguments.image)) return fail(*explain_transport(arguments.image));
  const auto layout = open_layout(operand);
  if (!layout) return fail(Error(layout.error()));
  auto found = of_operand(find_reference(*layout->reader, layout->reference));
  if (!found) return fail(std::move(found).error(), layout->path);
  // Reads the document too, so that a name always has an existing target.
  auto target = with_media_type(*layout->reader, std::move(*found));
  if (!target) return fail(std::move(target).error(), layout->path);
  image.target = std::move(*target);
  auto path = real_path_of(layout->path);
  if (!path) return fail(std::move(path).error());
  image.labels.insert_or_assign(std::string(kLayoutLabel), std::move(*path));
  return image;
}

// Repeats if the name is removed between the calls.
Status put_name(ImageStore& store, const NamedImage& image, bool is_forced) {
  for (;;) {
    const auto created = store.create(image);
    if (created) return {};
    if (created.error().code() != Errc::already_exists || !is_forced) return fail(Error(created.error()));
    const auto updated = store.update(image);
    if (updated) return {};
    if (updated.error().code() != Errc::not_found) return fail(Error(updated.error()));
  }
}

int tag(const TagArguments& arguments) {
  const auto image = named_image_of(arguments);
  if (!image) return report(image.error());
  auto store = open_name_store(arguments.store);
  if (!store) return report(store.error());
  const auto done = put_name(*store, *image, arguments.is_forced);
  if (done) return kDone;
  if (done.error().code() == Errc::already_exists)
    return report_write(Error(done.error()).with_hint("replace it with --replace"));
  return report_write(done.error());
}

}  // namespace

void add_image_tag_command(Command image, int& exit_code) {
  const auto arguments = std::make_shared<TagArguments>();
  const Command command = image.add_subcommand("tag", "Give an image a name; its blobs stay in their layout");
  command.usage(std::string(kImageKind) + " NAME");
  command.example("layoutfs image tag ./img:app-1.2 prod/app");
  command.example("layoutfs image tag --replace ./img:app-1.3 prod/app");
  command.add_option("LAYOUT", arguments->image, "").type_name(kImageKind).required();
  command.add_option("NAME", arguments->name, "").required();
  command.add_option("--label", arguments->labels, "Label of the image; may be repeated")
      .type_name("KEY=VALUE");
  command.add_flag("--replace,--force", arguments->is_forced, "Replace an existing name");
  arguments->store.add_options(command);
  add_follow_links(command, arguments->follow_links);
  command.callback([arguments, &exit_code] { exit_code = tag(*arguments); });
}

}  // namespace layoutfs::tools
