"""Pushes to the hostile registry: uploads in one request, streamed, or in chunks; resumed ones; and mounts from other repositories."""
import os
import secrets
import shutil


class Upload:
    def __init__(self, repository, directory):
        self.repository = repository
        self.id = secrets.token_hex(8)
        self.path = os.path.join(directory, self.id)
        self.state = 0
        open(self.path, "wb").close()

    def size(self):
        return os.path.getsize(self.path)


class Uploads:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.open = {}

    def start(self, repository):
        upload = Upload(repository, self.directory)
        self.open[upload.id] = upload
        return upload

    def drop(self, upload):
        self.open.pop(upload.id, None)
        if os.path.exists(upload.path):
            os.unlink(upload.path)


class UploadRoutes:
    """Requests below /v2/NAME/blobs/uploads/, as a part of the handler of the registry."""

    def uploads(self, name, upload_id):
        repository = self.state.repositories[name]
        if not repository.writable:
            return self.refuse(405, "UNSUPPORTED", "this repository is read-only")
        if not upload_id:
            return self.start_upload(name, repository)
        upload = self.state.uploads.open.get(upload_id)
        if not upload or upload.repository is not repository:
            return self.refuse(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
        if self.command == "GET":
            return self.answer(204, headers=self.upload_headers(name, upload))
        if self.command == "DELETE":
            self.state.uploads.drop(upload)
            return self.answer(204)
        if self.query.get("state") != [str(upload.state)]:
            return self.refuse(400, "BLOB_UPLOAD_INVALID", "not the newest location of this upload")
        return self.receive(name, upload) and self.continue_upload(name, upload)

    def start_upload(self, name, repository):
        wanted = self.query.get("mount", [""])[0]
        source = self.state.repositories.get(self.query.get("from", [""])[0])
        path = source and source.blob(wanted)
        if path:
            upload = self.state.uploads.start(repository)
            shutil.copyfile(path, upload.path)
            return self.finish_upload(name, upload, wanted)
        upload = self.state.uploads.start(repository)
        digest = self.query.get("digest", [None])[0]
        if not self.receive(name, upload):
            return None
        if digest:
            return self.finish_upload(name, upload, digest)
        return self.answer(202, headers=self.upload_headers(name, upload))

    def continue_upload(self, name, upload):
        if self.command == "PUT":
            return self.finish_upload(name, upload, self.query.get("digest", [""])[0])
        upload.state += 1
        return self.answer(202, headers=self.upload_headers(name, upload))

    def receive(self, name, upload):
        """Appends the body to the upload. Returns False if the request is answered, or its connection broken."""
        start = self.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
        if start and int(start) != upload.size():
            self.refuse(416, "BLOB_UPLOAD_INVALID", "the chunk does not start at the end", self.upload_headers(name, upload))
            return False
        left = None
        if self.draw.has("reset"):
            left = int(int(self.headers.get("Content-Length", 1 << 17)) * self.draw.fraction("cut"))
        with open(upload.path, "ab", buffering=0) as file:
            for piece in self.body_pieces():
                self.state.stats.received(self.route, len(piece))
                if left is not None and len(piece) >= left:
                    file.write(piece[:left])
                    self.break_off()
                    return False
                file.write(piece)
                left = left and left - len(piece)
        return True

    def finish_upload(self, name, upload, digest):
        try:
            upload.repository.put_blob(digest, upload.path)
        except ValueError as error:
            return self.refuse(400, "DIGEST_INVALID", str(error))
        self.state.uploads.drop(upload)
        return self.answer(201, headers=[("Location", f"/v2/{name}/blobs/{digest}"), ("Docker-Content-Digest", digest)])

    def upload_headers(self, name, upload):
        headers = [("Location", f"/v2/{name}/blobs/uploads/{upload.id}?state={upload.state}"),
                   ("Range", f"0-{max(0, upload.size() - 1)}"), ("Docker-Upload-UUID", upload.id)]
        minimum = self.state.settings.chunk_minimum
        return [*headers, ("OCI-Chunk-Min-Length", str(minimum))] if minimum else headers
