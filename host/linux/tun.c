/* SPDX-License-Identifier: MIT */
/*
 * A Linux TUN interface through /dev/net/tun and the interface requests of a socket. It appears in the network
 * namespace of the process, without carrier, and vanishes when its descriptor is closed, however the process ends.
 * No threads, no locks. See Linux' Documentation/networking/tuntap.rst and netdevice(7).
 */
#include "host/linux/syscall.h"
#include "host/linux/tun.h"

#define TUNSETIFF         0x400454ca
#define TUNSETOFFLOAD     0x400454d0
#define TUNSETVNETHDRSZ   0x400454d8
#define TUNSETCARRIER     0x400454e2
#define SIOCSIFMTU        0x8922
#define SIOCSIFTXQLEN     0x8943
#define SIOCGIFINDEX      0x8933
#define SIOCETHTOOL       0x8946
#define ETHTOOL_SSET      2
#define IFF_TUN           0x0001
#define IFF_NO_PI         0x1000
#define IFF_VNET_HDR      0x4000
#define IFF_TUN_EXCL      0x8000
#define TUN_F_CSUM        0x01
#define TUN_F_TSO4        0x02
#define TUN_F_TSO6        0x04
#define AF_INET           2
#define AF_NETLINK        16
#define SOCK_DGRAM        2
#define SOCK_RAW          3
#define SOCK_CLOEXEC      0x80000
#define RTM_SETLINK       19
#define RTM_GETSTATS      94
#define NLM_F_REQUEST     1
#define NLM_F_ACK         4
#define IFLA_IFALIAS      20
#define IFLA_GSO_MAX_SIZE 41
#define STATS_LINK_64     1 /* IFLA_STATS_LINK_64; in a filter its bit is 1 << 0 */
#define TX_DROPPED        7 /* of struct rtnl_link_stats64, in 64-bit numbers */
#define NAME_ATTEMPTS     1000
/* About what a ring of 4 MiB holds: the reader shares its processors with the programs that it reads for. */
#define QUEUE_PACKETS 3000

typedef struct _INTERFACE_REQUEST
{
    char Name[TUN_NAME_LENGTH];
    union
    {
        int16_t Flags;
        int32_t Number;
        void *Data;
        char Room[24];
    };
} INTERFACE_REQUEST;

/* Linux refuses '/', ':', blanks, "." and ".."; '%' would be a pattern; the rest is what a shell user can type. */
static void CleanName(const char *Wanted, char *Name)
{
    int Used = 0;
    for (; *Wanted && Used < TUN_NAME_LENGTH - 1; Wanted++)
    {
        unsigned char C = (unsigned char)*Wanted;
        bool Good = C > ' ' && C < 0x7f && C != '/' && C != ':' && C != '%' && C != '\\' && C != '"' && C != '\'';
        if (Good)
            Name[Used++] = (char)C;
        else if (Used && Name[Used - 1] != '-' && C < 0x80) /* one dash for a run; other scripts leave nothing */
            Name[Used++] = '-';
    }
    while (Used && Name[Used - 1] == '-')
        Used--;
    Name[Used] = 0;
    if (!Used || (Name[0] == '.' && (!Name[1] || (Name[1] == '.' && !Name[2]))))
    {
        Name[0] = 't';
        Name[1] = 'u';
        Name[2] = 'n';
        Name[3] = 0;
    }
}

/* Base and a number, cut so that both fit. Number 1 is the base alone. */
static void NumberName(const char *Base, int Number, char *Name)
{
    int Count = 0, Length = 0;
    char Digits[8];
    for (int Rest = Number; Number > 1 && Rest; Rest /= 10)
        Digits[Count++] = (char)('0' + Rest % 10);
    while (Base[Length] && Length < TUN_NAME_LENGTH - 1 - Count)
    {
        Name[Length] = Base[Length];
        Length++;
    }
    while (Count)
        Name[Length++] = Digits[--Count];
    Name[Length] = 0;
}

static void CopyName(char *To, const char *From)
{
    for (int I = 0; I < TUN_NAME_LENGTH; I++)
    {
        To[I] = From[I];
        if (!From[I])
            break;
    }
}

/*
 * Linux gives it a link-local address when it is up, as Windows does ("NL_LINK_LOCAL_ADDRESS_BEHAVIOR": the default of
 * IPv6), and would send router solicitations with it, which nobody asked for. A kernel without IPv6 has no such file.
 */
static void QuietIpv6(const char *Name)
{
    static const char Prefix[] = "/proc/sys/net/ipv6/conf/", Suffix[] = "/router_solicitations";
    int Used = 0;
    char Path[sizeof(Prefix) + TUN_NAME_LENGTH + sizeof(Suffix)];
    for (int I = 0; Prefix[I]; I++)
        Path[Used++] = Prefix[I];
    for (int I = 0; Name[I]; I++)
        Path[Used++] = Name[I];
    for (int I = 0; Suffix[I]; I++)
        Path[Used++] = Suffix[I];
    Path[Used] = 0;
    int Fd = LinuxOpen(Path, LINUX_O_WRONLY | LINUX_O_CLOEXEC, 0);
    if (Fd >= 0)
    {
        LinuxWrite(Fd, "0\n", 2);
        LinuxClose(Fd);
    }
}

int TunOpen(TUN_DEVICE *Tun, const char *WantedName)
{
    int HeaderSize = TUN_HEADER;
    char Base[TUN_NAME_LENGTH];
    CleanName(WantedName, Base);
    Tun->Control = (int)LinuxCall3(LINUX_SOCKET, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (Tun->Control < 0)
        return Tun->Control;
    Tun->Fd = LinuxOpen("/dev/net/tun", LINUX_O_RDWR | LINUX_O_NONBLOCK | LINUX_O_CLOEXEC, 0);
    int Result;
    if (Tun->Fd < 0)
    {
        Result = Tun->Fd;
        goto closeControl;
    }
    Result = -LINUX_EBUSY;
    INTERFACE_REQUEST Request;
    for (int Number = 1; Number <= NAME_ATTEMPTS && (Result == -LINUX_EBUSY || Result == -LINUX_EINVAL); Number++)
    {
        Request = (INTERFACE_REQUEST){.Flags = (int16_t)(uint16_t)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL)};
        NumberName(Base, Number, Request.Name);
        Result = LinuxIoctl(Tun->Fd, TUNSETIFF, &Request);
    }
    if (Result < 0)
        goto closeTun;
    CopyName(Tun->Name, Request.Name);
    Result = LinuxIoctl(Tun->Fd, TUNSETVNETHDRSZ, &HeaderSize);
    if (Result < 0)
        goto closeTun;
    TunSetCarrier(Tun, false);
    Request.Number = QUEUE_PACKETS; /* refused: Linux's own 500 remain */
    LinuxIoctl(Tun->Control, SIOCSIFTXQLEN, &Request);
    QuietIpv6(Tun->Name);
    Result = LinuxIoctl(Tun->Control, SIOCGIFINDEX, &Request);
    if (Result < 0)
        goto closeTun;
    Tun->Index = (uint32_t)Request.Number;
    return 0;

closeTun:
    LinuxClose(Tun->Fd);
closeControl:
    LinuxClose(Tun->Control);
    return Result;
}

void TunClose(TUN_DEVICE *Tun)
{
    LinuxClose(Tun->Fd);
    LinuxClose(Tun->Control);
}

int TunSetMtu(TUN_DEVICE *Tun, uint32_t Mtu)
{
    INTERFACE_REQUEST Request = {.Number = (int32_t)Mtu};
    CopyName(Request.Name, Tun->Name);
    return LinuxIoctl(Tun->Control, SIOCSIFMTU, &Request);
}

/* One request of rtnetlink(7) and Linux' answer to it. Bytes, or a negated error number. */
static long long Talk(const void *Request, uint32_t RequestLength, void *Answer, uint32_t AnswerLength)
{
    int Socket = (int)LinuxCall3(LINUX_SOCKET, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (Socket < 0)
        return Socket;
    long long Done = LinuxWrite(Socket, Request, RequestLength);
    if (Done >= 0)
        Done = LinuxRead(Socket, Answer, AnswerLength);
    LinuxClose(Socket);
    return Done;
}

/* rtnetlink(7): one RTM_SETLINK with the interface's index and an attribute of Length bytes, and the kernel's answer to it. */
static int SetLink(TUN_DEVICE *Tun, uint16_t Type, const void *Value, int Length)
{
    struct
    {
        uint32_t Length;
        uint16_t Type, Flags;
        uint32_t Sequence, Port;
        uint8_t Family, Padding;
        uint16_t DeviceType;
        int32_t Index;
        uint32_t DeviceFlags, Change;
        uint16_t AttributeLength, AttributeType;
        char Value[64];
    } Request = {.Type = RTM_SETLINK,
                 .Flags = NLM_F_REQUEST | NLM_F_ACK,
                 .Sequence = 1,
                 .Index = (int32_t)Tun->Index,
                 .AttributeLength = (uint16_t)(4 + Length),
                 .AttributeType = Type};
    struct
    {
        uint32_t Length;
        uint16_t Type, Flags;
        uint32_t Sequence, Port;
        int32_t Error;
        char Rest[256];
    } Answer = {.Error = -LINUX_EIO};
    __builtin_memcpy(Request.Value, Value, (unsigned)Length);
    Request.Length = (uint32_t)((Request.Value - (char *)&Request) + ((Length + 3) & ~3));
    long long Done = Talk(&Request, Request.Length, &Answer, sizeof(Answer));
    return Done < 0 ? (int)Done : Answer.Error;
}

int TunSetAlias(TUN_DEVICE *Tun, const char *Alias)
{
    int Length = 0;
    while (Length < 64 && Alias[Length])
        Length++;
    return Length < 64 ? SetLink(Tun, IFLA_IFALIAS, Alias, Length + 1) : -LINUX_EINVAL;
}

int TunSetSuperMax(TUN_DEVICE *Tun, uint32_t Bytes)
{
    return SetLink(Tun, IFLA_GSO_MAX_SIZE, &Bytes, sizeof(Bytes));
}

/* RTM_GETSTATS of linux/if_link.h (Linux 4.7): struct if_stats_msg asks for struct rtnl_link_stats64. */
int64_t TunDropped(TUN_DEVICE *Tun)
{
    struct
    {
        uint32_t Length;
        uint16_t Type, Flags;
        uint32_t Sequence, Port;
        uint8_t Family, Padding[3];
        uint32_t Index, Filter;
    } Request = {.Length = sizeof(Request),
                 .Type = RTM_GETSTATS,
                 .Flags = NLM_F_REQUEST,
                 .Sequence = 1,
                 .Index = Tun->Index,
                 .Filter = 1 << (STATS_LINK_64 - 1)};
    _Alignas(8) uint8_t Answer[512];
    long long Length = Talk(&Request, sizeof(Request), Answer, sizeof(Answer));
    if (Length < 0)
        return Length;
    for (long long At = sizeof(Request); At + 4 <= Length;)
    {
        uint16_t Size = *(const uint16_t *)(Answer + At), Type = *(const uint16_t *)(Answer + At + 2);
        if (Type == STATS_LINK_64 && Size >= 4 + 8 * (TX_DROPPED + 1) && At + Size <= Length)
        {
            int64_t Dropped;
            __builtin_memcpy(&Dropped, Answer + At + 4 + 8 * TX_DROPPED, sizeof(Dropped));
            return Dropped;
        }
        At += Size < 4 ? 4 : (Size + 3) & ~3;
    }
    return -LINUX_EIO;
}

int TunSetOffload(TUN_DEVICE *Tun)
{
    return (int)LinuxCall3(LINUX_IOCTL, Tun->Fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
}

int TunSetCarrier(TUN_DEVICE *Tun, bool On)
{
    int Value = On;
    return LinuxIoctl(Tun->Fd, TUNSETCARRIER, &Value);
}

/* ethtool's ETHTOOL_SSET: struct ethtool_cmd. */
int TunSetSpeed(TUN_DEVICE *Tun, uint32_t Megabits)
{
    struct
    {
        uint32_t Command, Supported, Advertising;
        uint16_t Speed;
        uint8_t Duplex, Port, PhyAddress, Transceiver, Autonegotiation, Mdio;
        uint32_t MaxTransmit, MaxReceive;
        uint16_t SpeedHigh;
        uint8_t Mdix, MdixControl;
        uint32_t PartnerAdvertising, Reserved[2];
    } Settings = {
        .Command = ETHTOOL_SSET, .Speed = (uint16_t)Megabits, .SpeedHigh = (uint16_t)(Megabits >> 16), .Duplex = 1};
    INTERFACE_REQUEST Request = {.Data = &Settings};
    CopyName(Request.Name, Tun->Name);
    return LinuxIoctl(Tun->Control, SIOCETHTOOL, &Request);
}
