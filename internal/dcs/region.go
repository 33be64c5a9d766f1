package dcs

import (
	"net/url"
	"slices"
	"strings"
)

// regions are those of the public cloud that have DCS, all but the European
// site's own, which are told by their prefix.
//
// Source: facts page 3, the region table of the cloud's SDK.
var regions = []string{
	"ae-ad-1", "af-south-1", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
	"cn-east-2", "cn-east-3", "cn-east-4", "cn-east-5", "cn-north-1", "cn-north-12", "cn-north-2", "cn-north-4", "cn-north-9",
	"cn-south-1", "cn-south-2", "cn-southwest-2", "eu-west-0", "la-north-2", "la-south-2", "me-east-1", "my-kualalumpur-1",
	"na-mexico-1", "ru-moscow-1", "ru-northwest-2", "sa-brazil-1", "tr-west-1",
}

// clouds are the domains of the clouds whose hosts are SERVICE.REGION.DOMAIN:
// the public one, its European site, and partners.
//
// Source: facts page 3 and its additions.
var clouds = []string{
	"myhuaweicloud.com", "myhuaweicloud.eu", "otc.t-systems.com", "prod-cloud-ocb.orange-business.com", "hc.sbercloud.ru",
}

// IAMEndpoint returns the address of IAM that belongs to an address of DCS:
// that of the same region and cloud. It returns nothing for a DCS that is not
// at an address of a cloud known here: the identity of this machine must not
// go to another cloud by a guess.
func IAMEndpoint(dcs string) string {
	u, err := url.Parse(dcs)
	if err != nil {
		return ""
	}
	at, ok := strings.CutPrefix(u.Hostname(), "dcs.")
	if !ok {
		return ""
	}
	region, domain, _ := strings.Cut(at, ".")
	if region == "" || !slices.Contains(clouds, domain) {
		return ""
	}
	return "https://iam." + at
}

// Endpoint returns the address of DCS in a region. The European regions
// eu-west-1xx belong to a site of its own under .eu, and Open Telekom Cloud,
// which a partner runs, has hosts of its own. doubt says why another address
// may be the right one, or is empty: an address of a cloud that is not known
// has to be configured.
func Endpoint(region string) (address, doubt string) {
	domain := "myhuaweicloud.com"
	switch {
	case region == "eu-de" || region == "eu-nl":
		domain = "otc.t-systems.com"
	case strings.HasPrefix(region, "eu-west-1"):
		domain = "myhuaweicloud.eu"
	case region == "eu-west-0":
		doubt = "with an account of Flexible Engine, set endpoint to https://dcs.eu-west-0.prod-cloud-ocb.orange-business.com"
	case region == "ru-moscow-1":
		doubt = "with an account of Cloud.ru (SberCloud), set endpoint to https://dcs.ru-moscow-1.hc.sbercloud.ru"
	case !slices.Contains(regions, region):
		doubt = "this region is not known here: check it for a slip, and set endpoint to the address of DCS that the cloud names for it"
	}
	return "https://dcs." + region + "." + domain, doubt
}
