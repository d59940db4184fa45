"""Objects as files on an SFTP server."""

from collections.abc import Iterable

from attrs import frozen

from haulage.plugin import BuildContext, Failure, FsspecStorage, Kind, StorageComponent, StorageError, hookimpl, option


@frozen
class SftpOptions:
    """The options of `type: sftp`."""

    host: str = option(help="The server.", example="nas.example.com")
    user: str = option(help="Who signs in; the key is that of the SSH agent or ~/.ssh.", example="videos")
    path: str = option(help="The folder there that holds the objects.", example="/volume1/videos")
    port: int = option(22, help="Where the server listens.")
    password: str | None = option(None, help="Instead of a key.", secret=True)
    known_hosts: str | None = option(None, help="The file with the server's key; by default ~/.ssh/known_hosts.")


def build(options: SftpOptions, context: BuildContext) -> FsspecStorage:
    """Sign in.

    Raises:
        StorageError: The server is not there, is another one, or refuses.
    """
    import asyncssh  # here, so that who only lists plugins does not pay for it
    from sshfs import SSHFileSystem

    try:
        filesystem = SSHFileSystem(
            options.host,
            port=options.port,
            username=options.user,
            password=options.password,
            # Left out, sshfs would trust any server.
            known_hosts=str(context.folder / options.known_hosts) if options.known_hosts else (),
            login_timeout=30,
            keepalive_interval=15,  # a server that went away ends a call, instead of letting it hang
            skip_instance_cache=True,
        )
    except (OSError, asyncssh.Error) as error:
        said = f"cannot sign in at {options.host}: {error}"
        raise StorageError(Failure(Kind.DENIED, said, cure="try it with: sftp -P PORT USER@HOST")) from error
    return FsspecStorage(filesystem, options.path, base_url=f"sftp://{options.host}/{options.path.lstrip('/')}")


@hookimpl
def haulage_storages() -> Iterable[StorageComponent]:
    """Offer SFTP."""
    yield StorageComponent("sftp", "Files on an SFTP server.", SftpOptions, build)
